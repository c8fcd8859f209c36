import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure } from './support/plan.ts';
import { makeWorld, reasonToSkip, type World } from './support/world.ts';

const [RTM_NEWLINK, RTM_GETLINK, RTM_SETLINK, NLMSG_ERROR, NLMSG_DONE] = [16, 18, 19, 2, 3];
const [NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK, NLM_F_DUMP] = [1, 2, 4, 0x300];
const IFLA_IFNAME = 3;

/** rtnetlink(7): a header, and `struct ifinfomsg` of the host's byte order (little-endian on all that we run on). */
function linkMessage(type: number, flags: number, sequence: number, index = 0, attributes = Buffer.alloc(0)): Buffer {
  const message = Buffer.alloc(32 + attributes.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(flags, 6);
  message.writeUInt32LE(sequence, 8);
  message.writeInt32LE(index, 20);
  attributes.copy(message, 32);
  return message;
}

interface Reply {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Buffer;
}

function parse(reply: Uint8Array): Reply {
  const buffer = Buffer.from(reply);
  expect(buffer.readUInt32LE(0)).toBe(buffer.length);
  return { type: buffer.readUInt16LE(4), flags: buffer.readUInt16LE(6), sequence: buffer.readUInt32LE(8), body: buffer.subarray(16) };
}

/** The name in an RTM_NEWLINK. */
function nameOf(reply: Reply): string {
  let at = 16;
  while (at + 4 <= reply.body.length) {
    const length = reply.body.readUInt16LE(at);
    if (reply.body.readUInt16LE(at + 2) === IFLA_IFNAME) return reply.body.toString('utf8', at + 4, at + length - 1);
    at += (length + 3) & ~3;
  }
  return '';
}

describe.skipIf(reasonToSkip !== '')(`netlink ${reasonToSkip}`, () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('carries a dump of the links of the host', async () => {
    const [replies] = await world.native.netlink({ protocol: 0, messages: [linkMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 7)] });
    const all = (replies ?? []).map(parse);
    expect(all.at(-1)).toMatchObject({ type: NLMSG_DONE, sequence: 7 });
    const links = all.slice(0, -1);
    expect(links.every((reply) => reply.type === RTM_NEWLINK && reply.sequence === 7 && (reply.flags & NLM_F_MULTI) !== 0)).toBe(true);
    const names = links.map(nameOf);
    expect(names).toContain('lo');
    for (const name of Object.keys(networkInterfaces())) expect(names).toContain(name);
  });

  it('carries several messages, each with its own answer, into a namespace', async () => {
    const pin = join(world.dir, 'net');
    const keeper = await world.keeper({ loopback: false, pin: { net: pin } });
    const up = linkMessage(RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, 2, 1);
    up.writeUInt32LE(1, 24);
    up.writeUInt32LE(1, 28);
    const replies = await world.native.netlink({
      protocol: 0,
      netns: pin,
      messages: [
        linkMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1),
        up,
        linkMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 3, 1),
        linkMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 4, 4711),
        linkMessage(RTM_GETLINK, NLM_F_REQUEST, 5, 1),
      ],
    });
    const [dump, setting, one, none, unasked] = replies.map((list) => list.map(parse));
    expect(dump?.filter((reply) => reply.type === RTM_NEWLINK).map(nameOf)).toContain('lo');
    expect(setting?.map((reply) => [reply.type, reply.body.readInt32LE(0)])).toEqual([[NLMSG_ERROR, 0]]);
    expect(one?.map((reply) => reply.type)).toEqual([RTM_NEWLINK, NLMSG_ERROR]);
    // Up by now.
    expect((one?.[0]?.body.readUInt32LE(8) ?? 0) & 1).toBe(1);
    // ENODEV is the kernel's word to the caller, not an error of the carrier.
    expect(none?.map((reply) => [reply.type, reply.body.readInt32LE(0)])).toEqual([[NLMSG_ERROR, -19]]);
    expect(unasked).toEqual([]);
    await keeper.delete();
  });

  it('carries a datagram of several messages, as nftables wants its batches', async () => {
    const batch = Buffer.concat([linkMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 1), linkMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 2, 1)]);
    const replies = await world.native.netlink({ protocol: 0, messages: [batch] });
    expect(replies.map((list) => list.map((reply) => parse(reply).sequence))).toEqual([[1, 1, 2, 2]]);
  });

  it('refuses what is no message', async () => {
    const wrong = linkMessage(RTM_GETLINK, NLM_F_REQUEST, 1);
    wrong.writeUInt32LE(27, 0);
    for (const message of [Buffer.alloc(0), Buffer.alloc(15), Buffer.alloc(16), wrong, wrong.subarray(0, 20)]) {
      expect(await failure(world.native.netlink({ protocol: 0, messages: [message] }))).toMatchObject({ kind: 'invalid', code: 'native-invalid' });
    }
    expect(await failure(world.native.netlink({ protocol: 0, netns: '/no/such/namespace', messages: [] }))).toMatchObject({ kind: 'notFound' });
    expect(await failure(world.native.netlink({ protocol: 99, messages: [] }))).toMatchObject({ code: 'native-os' });
  });

  it('does not keep others waiting', async () => {
    const dump = linkMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1);
    await Promise.all([...Array.from({ length: 20 }, () => world.native.netlink({ protocol: 0, messages: [dump] })), world.native.ping()]);
  });
});
