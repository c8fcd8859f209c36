import type { Logger } from '@gantry/driver-api';

const nothing = (): void => undefined;

/** Says nothing: where no logger was given. */
export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silent };
