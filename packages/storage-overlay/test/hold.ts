/** A process that opens the driver, mounts a snapshot, says where, and waits to be killed. */
import overlay from '../src/index.ts';
import type { LayerId, Logger } from '@gantry/driver-api';

const log: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => log };
const place = JSON.parse(process.argv[2] ?? '') as { stateDir: string; runDir: string; instance: string };
const driver = await overlay.open({ ...place, session: 'killed', bootId: 'b', domain: 'local', log, signal: new AbortController().signal }, {});
await driver.prepare('s', 'base' as LayerId);
const { path } = await driver.mount('s', 'container');
process.stdout.write(`${path}\n`);
setInterval(() => undefined, 1000);
