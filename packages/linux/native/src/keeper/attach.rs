//! Clients on the streams of a process.

use serde::Deserialize;
use serde_json::json;

use super::ops::Outcome;
use super::process::{FIRST, Reply, Stage};
use super::streams::{Read, STDIN_HIGH};
use super::{CHUNK, ERROR, INPUT, Keeper, OUTPUT};
use crate::error::{Fail, Result};
use crate::poll::{EventFlags, HANG_UP, READ, WRITE};
use crate::wire;

/// What a client may ask to be held for it.
const MIN_BUFFER: usize = 64 * 1024;
const MAX_BUFFER: usize = 64 * 1024 * 1024;
/// Reads of one output before others get their turn.
const FAIR: usize = 16;
/// Reads of what a dead process left, at most: a pipe can be made to hold many megabytes, but somebody may still fill it.
const REST: usize = 1024;

/// How long an output is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// While others need not wait, and no client that must lose nothing is behind.
    Fair,
    /// Until nothing is left, whoever is behind.
    Empty,
}

/// A client in attach mode.
pub struct Attach {
    pub process: u32,
    pub stdin: bool,
    outputs: [bool; 2],
    lossless: bool,
    limit: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachRequest {
    exec_id: Option<String>,
    stdin: bool,
    stdout: bool,
    stderr: bool,
    lossless: bool,
    buffer_bytes: usize,
}

impl Keeper {
    pub fn attach(&mut self, reply: Reply, r: &AttachRequest) -> Result<Outcome> {
        let number = self.find(r.exec_id.as_deref())?;
        let process = self.processes.get(&number).ok_or_else(|| Fail::not_found("no such process"))?;
        match process.stage {
            Stage::Created | Stage::Starting | Stage::Running => {}
            Stage::Waiting | Stage::Creating => return Err(Fail::conflict("nothing was created yet")),
            Stage::Draining | Stage::Ended => return Err(Fail::gone("it has ended")),
        }
        let ended = process.streams.as_ref().is_none_or(super::streams::Streams::ended);
        let Some(client) = self.clients.get_mut(&reply.client) else { return Ok(Outcome::Later) };
        client.conn.answer(reply.request, Ok(json!({})));
        client.attach = Some(Attach {
            process: number,
            stdin: r.stdin,
            outputs: [r.stdout, r.stderr],
            lossless: r.lossless,
            limit: r.buffer_bytes.clamp(MIN_BUFFER, MAX_BUFFER),
        });
        if ended {
            self.end_attach(reply.client);
        }
        Ok(Outcome::Later)
    }

    fn end_attach(&mut self, client: u32) {
        if let Some(client) = self.clients.get_mut(&client) {
            client.conn.send_json(&json!({ "event": "end" }));
            client.conn.closing = true;
        }
    }

    fn attached_to(&self, number: u32) -> Vec<u32> {
        let of = |client: &super::Client| client.attach.as_ref().is_some_and(|attach| attach.process == number);
        self.clients.iter().filter(|(_, client)| of(client)).map(|(id, _)| *id).collect()
    }

    /// The process's outputs have ended: its clients have all they get.
    pub fn end_all(&mut self, number: u32) {
        for id in self.attached_to(number) {
            self.end_attach(id);
            self.settle(id);
        }
    }

    /// The process takes no more input for now.
    pub fn input_full(&self, number: u32) -> bool {
        let streams = self.processes.get(&number).and_then(|process| process.streams.as_ref());
        streams.is_some_and(|streams| streams.pending_input() >= STDIN_HIGH)
    }

    /// A frame of a client in attach mode.
    pub fn attached_says(&mut self, id: u32, kind: u8, payload: &[u8]) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let Some(attach) = client.attach.as_ref().filter(|attach| attach.stdin && kind == wire::STDIN) else {
            client.conn.dead = true;
            return;
        };
        let number = attach.process;
        let Some(streams) = self.processes.get_mut(&number).and_then(|process| process.streams.as_mut()) else {
            return;
        };
        if payload.is_empty() {
            streams.end_input(&self.poller);
        } else if !streams.queue_input(payload) {
            self.input_closed(number);
        }
        self.watch_streams(number);
    }

    /// The process takes no more input, ever: its clients need not go on.
    fn input_closed(&mut self, number: u32) {
        if let Some(streams) = self.processes.get_mut(&number).and_then(|process| process.streams.as_mut())
            && !streams.terminal
        {
            streams.end_input(&self.poller);
        }
        for id in self.attached_to(number) {
            if let Some(client) = self.clients.get_mut(&id)
                && let Some(attach) = &client.attach
                && attach.stdin
            {
                client.conn.send_json(&json!({ "event": "stdin-closed" }));
            }
        }
    }

    pub fn input_ready(&mut self, number: u32) {
        let Some(streams) = self.processes.get_mut(&number).and_then(|process| process.streams.as_mut()) else {
            return;
        };
        if !streams.input_ready(&self.poller) {
            self.input_closed(number);
        }
        self.watch_streams(number);
        // Who had to wait goes on, with what it has sent already first.
        if !self.input_full(number) {
            for id in self.attached_to(number) {
                self.pump(id);
                self.settle(id);
            }
        }
    }

    pub fn output_ready(&mut self, number: u32, index: usize, flags: EventFlags) {
        let terminal = |streams: &super::streams::Streams| streams.terminal;
        let of = self.processes.get(&number).and_then(|process| process.streams.as_ref());
        if flags.contains(WRITE) && of.is_some_and(terminal) {
            self.input_ready(number);
        }
        if flags.intersects(READ | HANG_UP) {
            self.read_output(number, index, Until::Fair);
        }
        self.watch_streams(number);
        self.check_end(number);
    }

    /// Reads what is there, or as much of it as is fair.
    pub fn read_output(&mut self, number: u32, index: usize, until: Until) {
        let times = if until == Until::Empty { REST } else { FAIR };
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(CHUNK, 0);
        for _ in 0..times {
            let Some(streams) = self.processes.get_mut(&number).and_then(|process| process.streams.as_mut()) else {
                break;
            };
            let terminal = streams.terminal;
            match streams.read(index, &mut buffer, &self.poller) {
                Read::Data(n) => {
                    self.deliver(number, index, &buffer[..n]);
                    // So little was all that a pipe had: the next read would find nothing.
                    let enough = !terminal && n < CHUNK / 2;
                    if until == Until::Fair && (enough || self.stalled(number)[index]) {
                        break;
                    }
                }
                Read::Nothing => break,
                Read::Ended => {
                    if number == FIRST {
                        self.log.end(index);
                    }
                    break;
                }
            }
        }
        self.buffer = buffer;
    }

    fn deliver(&mut self, number: u32, index: usize, data: &[u8]) {
        if number == FIRST {
            self.log.append(index, data);
        }
        let kind = if index == 0 { wire::STDOUT } else { wire::STDERR };
        for id in self.attached_to(number) {
            let Some(client) = self.clients.get_mut(&id) else { continue };
            let Some(attach) = &client.attach else { continue };
            if !attach.outputs[index] || client.conn.closing {
                continue;
            }
            client.conn.send(kind, data);
            if !attach.lossless && client.conn.pending() > attach.limit {
                client.conn.send_json(&json!({ "event": "cut", "reason": "exhausted" }));
                client.conn.closing = true;
            }
            self.settle(id);
        }
    }

    /// Of which outputs nothing is to be read, because a client that must lose nothing is behind.
    fn stalled(&self, number: u32) -> [bool; 2] {
        let mut stalled = [false; 2];
        for client in self.clients.values() {
            if let Some(attach) = client.attach.as_ref().filter(|attach| attach.process == number && attach.lossless)
                && client.conn.pending() >= attach.limit
            {
                stalled[0] |= attach.outputs[0];
                stalled[1] |= attach.outputs[1];
            }
        }
        stalled
    }

    /// Waits for what the streams of a process need next.
    pub fn watch_streams(&mut self, number: u32) {
        let stalled = self.stalled(number);
        let Some(streams) = self.processes.get_mut(&number).and_then(|process| process.streams.as_mut()) else {
            return;
        };
        let number = u64::from(number);
        streams.watch(&self.poller, [INPUT | number, OUTPUT | number, ERROR | number], stalled);
    }

    /// A client has left.
    pub fn detached(&mut self, attach: &Attach) {
        if let Some(streams) = self.processes.get_mut(&attach.process).and_then(|process| process.streams.as_mut())
            && attach.stdin
            && streams.stdin_once
        {
            streams.end_input(&self.poller);
        }
        self.watch_streams(attach.process);
    }
}
