import { isDigest, type DiffID, parseDiffID } from './digest.ts';
import type { HealthConfig, HistoryEntry, ImageConfig, ImageConfigDefaults } from './image.ts';
import { JsonReader } from './json.ts';
import { maxImageLayers, optional } from './parse-manifest.ts';

const source = { what: 'image configuration', code: 'bad-image-config' };
/** One entry a layer, and those without one (ENV, CMD, ...). */
const maxHistory = 4096;

/**
 * Reads the exact bytes of an image configuration (OCI image spec, "Image Configuration", with Docker's additions).
 * Fields of neither are left out; keep the bytes if you need them all.
 * @throws GantryError invalid `bad-image-config`.
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const json = JsonReader.parse(bytes, source);
  const rootfs = json.object('rootfs');
  if (rootfs.string('type') !== 'layers') throw rootfs.fail('type', 'is not "layers"');
  const config = json.optionalObject('config');
  const history = json.has('history') ? json.objects('history', maxHistory) : undefined;
  return {
    // Old builders left these out, and Docker took the images; what is unknown then matches no platform that is asked for.
    os: json.optionalString('os') ?? 'linux',
    architecture: json.optionalString('architecture') ?? '',
    ...optional('variant', json.optionalString('variant')),
    ...optional('os.version', json.optionalString('os.version')),
    ...optional('os.features', json.optionalStrings('os.features')),
    ...optional('created', json.optionalString('created')),
    ...optional('author', json.optionalString('author')),
    ...optional('config', config && readDefaults(config)),
    rootfs: { type: 'layers', diff_ids: readDiffIds(rootfs) },
    ...optional('history', history?.map(readHistory)),
  };
}

function readDiffIds(rootfs: JsonReader): DiffID[] {
  // A layerless image made by Go has null here.
  if (!rootfs.has('diff_ids')) return [];
  return rootfs.strings('diff_ids', maxImageLayers).map((digest, i) => {
    if (!isDigest(digest)) throw rootfs.fail(`diff_ids[${i}]`, 'is not sha256: and 64 hexadecimal digits');
    return parseDiffID(digest);
  });
}

function readHistory(json: JsonReader): HistoryEntry {
  return {
    ...optional('created', json.optionalString('created')),
    ...optional('created_by', json.optionalString('created_by')),
    ...optional('author', json.optionalString('author')),
    ...optional('comment', json.optionalString('comment')),
    ...optional('empty_layer', json.optionalBoolean('empty_layer')),
  };
}

function readDefaults(json: JsonReader): ImageConfigDefaults {
  const health = json.optionalObject('Healthcheck');
  return {
    ...optional('User', json.optionalString('User')),
    ...optional('ExposedPorts', json.optionalSet('ExposedPorts')),
    ...optional('Env', json.optionalStrings('Env')),
    ...optional('Entrypoint', json.optionalStrings('Entrypoint')),
    ...optional('Cmd', json.optionalStrings('Cmd')),
    ...optional('Volumes', json.optionalSet('Volumes')),
    ...optional('WorkingDir', json.optionalString('WorkingDir')),
    ...optional('Labels', json.optionalStringMap('Labels')),
    ...optional('StopSignal', json.optionalString('StopSignal')),
    ...optional('Healthcheck', health && readHealth(health)),
    ...optional('OnBuild', json.optionalStrings('OnBuild')),
    ...optional('Shell', json.optionalStrings('Shell')),
  };
}

function readHealth(json: JsonReader): HealthConfig {
  return {
    ...optional('Test', json.optionalStrings('Test')),
    ...optional('Interval', json.optionalInteger('Interval')),
    ...optional('Timeout', json.optionalInteger('Timeout')),
    ...optional('StartPeriod', json.optionalInteger('StartPeriod')),
    ...optional('StartInterval', json.optionalInteger('StartInterval')),
    ...optional('Retries', json.optionalInteger('Retries')),
  };
}
