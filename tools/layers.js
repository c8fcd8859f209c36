// Which packages a package may import: down only, drivers never each other nor the engine. The one list that lint, the
// dependency test and docs/architecture.md follow.
const toolkits = ['errors', 'oci', 'archive', 'registry-client'];
const driver = ['driver-api', 'linux', 'errors', 'oci', 'archive'];

/** @type {Readonly<Record<string, readonly string[]>>} */
export const layers = {
  errors: [],
  oci: ['errors'],
  'driver-api': ['errors', 'oci'],
  linux: ['errors'],
  archive: ['errors', 'oci', 'linux'],
  'registry-client': ['errors', 'oci'],
  'storage-dirs': driver,
  'storage-overlay': [...driver, 'storage-dirs'],
  'storage-vfs': [...driver, 'storage-dirs'],
  'log-file': driver,
  'runtime-linux': driver,
  engine: ['driver-api', ...toolkits],
  'api-types': ['errors'],
  client: ['errors', 'api-types'],
  api: ['errors', 'api-types'],
  'hello-image': [],
  daemon: [
    ...toolkits, 'driver-api', 'linux', 'storage-overlay', 'storage-vfs', 'log-file', 'runtime-linux', 'engine', 'api-types', 'client', 'api', 'hello-image',
  ],
  cli: ['errors', 'oci', 'api-types', 'client', 'daemon'],
  conformance: ['driver-api', 'archive', 'linux', 'oci', 'errors'],
};
