import { parentPort, type MessagePort } from 'node:worker_threads';
import { toJson } from '@gantry/errors';
import { parseImageConfig, parseManifest } from '@gantry/oci';
import { AsyncQueue } from './async-queue.ts';
import { decodeLayer, type DecodeJob } from './layer/decode.ts';
import { Credit } from './threads/credit.ts';
import { inputStep, outputWindow, type DecodeInput, type DecodeOutput, type ParseOutput, type Task } from './threads/protocol.ts';

/** Hashes and inflates one layer between two windows; ends with its port. */
async function decode(job: DecodeJob, port: MessagePort): Promise<void> {
  const input = new AsyncQueue<Uint8Array>();
  const credit = new Credit(outputWindow);
  const post = (message: DecodeOutput, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  port.on('message', (message: DecodeInput) => {
    if (message.type === 'input') input.push(message.bytes);
    else if (message.type === 'end') input.end();
    else credit.earn(message.blocks);
  });
  port.on('close', () => {
    input.end();
    credit.close();
  });
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    let used = 0;
    for (let chunk = await input.next(); chunk !== undefined; chunk = await input.next()) {
      used += chunk.length;
      yield chunk;
      if (used < inputStep) continue;
      post({ type: 'used', bytes: used });
      used = 0;
    }
  }
  for await (const block of decodeLayer(chunks(), job)) {
    if (!(await credit.available())) return;
    credit.spend(1);
    post({ type: 'output', bytes: block }, [ownBuffer(block)]);
  }
  post({ type: 'done' });
}

function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  if (bytes.buffer instanceof ArrayBuffer) return bytes.buffer;
  throw new TypeError('a block of output lies in shared memory');
}

function parse(task: Extract<Task, { type: 'parse' }>): ParseOutput {
  return task.what === 'manifest' ? { type: 'manifest', document: parseManifest(task.bytes, task.mediaType) } : { type: 'config', config: parseImageConfig(task.bytes) };
}

parentPort?.on('message', (task: Task) => {
  const { port } = task;
  const run = async (): Promise<void> => {
    if (task.type === 'decode') await decode(task.job, port);
    else port.postMessage(parse(task));
  };
  run()
    .catch((error: unknown) => port.postMessage({ type: 'failed', error: toJson(error) } satisfies DecodeOutput & ParseOutput))
    .finally(() => port.close());
});
