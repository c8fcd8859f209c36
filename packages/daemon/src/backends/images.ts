import type { ImagesBackend, PullCall } from '@gantry/api';
import type { AuthConfig, JSONMessage } from '@gantry/api-types';
import type { Engine, RegistryAuth } from '@gantry/engine';
import { parsePlatform } from '@gantry/oci';
import { toDeleteItem, toHistoryItem, toImageInspect, toImageSummary, toPlatform } from '../wire/image.ts';
import { toImageFilter } from '../wire/image-filters.ts';
import { beginning, ending, layerMessage } from '../wire/pull.ts';
import { PullQueue } from './pull-queue.ts';

/** `auth` holds name and password as one. Undefined: nobody in particular. */
export function toRegistryAuth(config: AuthConfig | undefined): RegistryAuth | undefined {
  if (config === undefined) return undefined;
  const [username, ...rest] = Buffer.from(config.auth ?? '', 'base64').toString('utf8').split(':');
  const packed = rest.length === 0 ? {} : { username, password: rest.join(':') };
  return {
    ...packed,
    ...(config.username === undefined || config.username === '' ? {} : { username: config.username }),
    ...(config.password === undefined || config.password === '' ? {} : { password: config.password }),
    identityToken: config.identitytoken,
    registryToken: config.registrytoken,
  };
}

/** Runs a pull beside its messages: the engine calls back, the client is written to. */
async function* pull(engine: Engine, { reference, platform, auth, signal }: PullCall): AsyncGenerator<JSONMessage, void, undefined> {
  const queue = new PullQueue();
  let begun = false;
  const begin = (): void => {
    if (!begun) queue.put(beginning(reference));
    begun = true;
  };
  engine.images
    .pull(reference, {
      platform: platform === undefined ? undefined : parsePlatform(platform),
      auth: toRegistryAuth(auth),
      signal,
      onProgress: (progress) => {
        const message = layerMessage(progress);
        if (message === undefined) return;
        begin();
        queue.put(message);
      },
    })
    .then((pulled) => {
      begin();
      for (const message of ending(pulled)) queue.put(message);
      queue.end();
    })
    .catch((error: unknown) => queue.fail(error));
  yield* queue.messages();
}

export function imagesBackend(engine: Engine): ImagesBackend {
  const { images } = engine;
  return {
    list: async ({ filters, sharedSize }) => (await images.list({ filter: toImageFilter(filters, Date.now()), sharedSize })).map(toImageSummary),
    pull: (call) => pull(engine, call),
    inspect: async (name, { platform }) => toImageInspect(await images.inspect(name, platform === undefined ? {} : { platform: toPlatform(platform) })),
    history: async (name, { platform }) => (await images.history(name, platform === undefined ? {} : { platform: toPlatform(platform) })).map(toHistoryItem),
    remove: async (name, { force }) => (await images.remove(name, { force })).map(toDeleteItem),
    tag: (name, target) => images.tag(name, target),
  };
}
