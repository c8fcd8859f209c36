import { compareVersions, type ApiVersion } from '@gantry/api-types';
import { differences, hasDocument, openApi } from '../../api-types/test/support/openapi.ts';
import { describe, expect, test } from 'vitest';
import { shapeInspect as shapeContainer, shapeSummary as shapeContainerSummary } from '../src/containers/versions.ts';
import { eventFormat, eventText } from '../src/system/events.ts';
import { shapeProgress } from '../src/images/progress.ts';
import { shapeInspect as shapeImage, shapeSummary as shapeImageSummary } from '../src/images/versions.ts';
import { shapeNetwork } from '../src/networks/routes.ts';
import { shapeInfo } from '../src/system/versions.ts';
import { container, containerSummary, image, imageSummary, info, network } from './support/samples.ts';

const all: readonly ApiVersion[] = Array.from({ length: 33 }, (_, i): ApiVersion => `1.${i + 24}`);

/** The value at a path such as `HostConfig.Annotations`. */
const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((v, key) => (typeof v === 'object' && v !== null ? (v as Record<string, unknown>)[key] : undefined), value);

type Rule = readonly [path: string, change: 'from' | 'before', version: ApiVersion, expected?: unknown];

/** Which fields there are from, or before, a version on. Source: the Engine API's version history. */
const rules: readonly (readonly [name: string, shape: (version: ApiVersion) => unknown, rules: readonly Rule[]])[] = [
  ['container', (v) => shapeContainer(container, v), [
    ['ImageManifestDescriptor', 'from', '1.48'],
    ['Storage', 'from', '1.52'],
    ['GraphDriver', 'before', '1.52', { Name: 'overlay', Data: {} }],
    ['NetworkSettings.IPAddress', 'before', '1.52', '172.17.0.2'],
    ['NetworkSettings.Bridge', 'before', '1.52', ''],
    ['NetworkSettings.Networks.bridge.DNSNames', 'from', '1.44', ['web', 'de21c40f9ddc']],
    ['NetworkSettings.Networks.bridge.GwPriority', 'from', '1.48', 0],
    ['NetworkSettings.Networks.bridge.Aliases.1', 'before', '1.45', 'de21c40f9ddc'],
    ['Config.OnBuild', 'before', '1.52', null],
  ]],
  ['container in a list', (v) => shapeContainerSummary(containerSummary, v), [
    ['ImageManifestDescriptor', 'from', '1.48'],
    ['HostConfig.Annotations', 'from', '1.46', { a: 'b' }],
    ['Health', 'from', '1.52'],
    ['NetworkSettings.Networks.bridge.DNSNames', 'from', '1.44'],
  ]],
  ['image', (v) => shapeImage(image, v), [
    ['Created', 'before', '1.44', '0001-01-01T00:00:00Z'],
    ['VirtualSize', 'before', '1.44', 1984172],
    ['Container', 'before', '1.45', ''],
    ['ContainerConfig', 'before', '1.45'],
    ['Descriptor', 'from', '1.48'],
    ['Manifests', 'from', '1.48'],
    ['Config.Hostname', 'before', '1.50', ''],
    ['Config.Tty', 'before', '1.50', false],
    ['Config.User', 'before', '1.52', ''],
    ['Config.Labels', 'before', '1.52', null],
    ['Parent', 'before', '1.52', ''],
    ['DockerVersion', 'before', '1.52', ''],
    ['Author', 'before', '1.52', ''],
    ['Comment', 'before', '1.52', ''],
    ['Identity', 'from', '1.53'],
  ]],
  ['image in a list', (v) => shapeImageSummary(imageSummary, v), [
    ['RepoTags.0', 'before', '1.43', '<none>:<none>'],
    ['RepoDigests.0', 'before', '1.43', '<none>@<none>'],
    ['VirtualSize', 'before', '1.44', 1984172],
    ['Manifests', 'from', '1.47'],
    ['Descriptor', 'from', '1.48'],
  ]],
  ['info', (v) => shapeInfo(info, v), [
    ['Runtimes.linux.status', 'from', '1.44'],
    ['CDISpecDirs', 'from', '1.44'],
    ['Containerd', 'from', '1.46'],
    ['FirewallBackend', 'from', '1.49'],
    ['ContainerdCommit.Expected', 'before', '1.49', ''],
    ['RegistryConfig.AllowNondistributableArtifactsCIDRs', 'before', '1.49', null],
    ['BridgeNfIptables', 'before', '1.50', false],
    ['DiscoveredDevices', 'from', '1.50'],
    ['NRI', 'from', '1.53'],
  ]],
  ['network', (v) => shapeNetwork(network, v), [['EnableIPv4', 'from', '1.48', true]]],
  ['progress', (v) => shapeProgress({ id: 'a', status: 'Downloading', progressDetail: { current: 500, total: 2000 } }, v), [
    ['progress', 'before', '1.52', `[${'='.repeat(12)}>${' '.repeat(37)}]  500B/2kB`],
  ]],
  ['event', (v): unknown => JSON.parse(eventText({ Type: 'container', Action: 'die', Actor: { ID: 'x', Attributes: { image: 'busybox' } }, scope: 'local', timeNano: 1_500_000_000_000_000_001n }, v, eventFormat(undefined, v))), [
    ['status', 'before', '1.52', 'die'],
    ['id', 'before', '1.52', 'x'],
    ['from', 'before', '1.52', 'busybox'],
  ]],
];

describe.each(rules)('%s', (_name, shape, fields) => {
  test.each(fields.map((rule) => ({ rule })))('$rule', ({ rule: [path, change, version, expected] }) => {
    for (const v of all) {
      const present = change === 'from' ? compareVersions(v, version) >= 0 : compareVersions(v, version) < 0;
      const value = at(shape(v), path);
      const wanted: unknown = expected === undefined ? expect.anything() : expected;
      expect({ version: v, value }).toEqual({ version: v, value: present ? wanted : undefined });
    }
  });
});

test('the count of containers is -1 until 1.51', () => {
  expect(shapeImageSummary(imageSummary, '1.50').Containers).toBe(-1);
  expect(shapeImageSummary(imageSummary, '1.51').Containers).toBe(2);
});

test('all digits of timeNano are there', () => {
  const event = { Type: 'image', Action: 'pull', Actor: { ID: 'x', Attributes: {} }, scope: 'local', timeNano: 1_795_569_454_072_174_027n } as const;
  expect(eventText(event, '1.56', eventFormat(undefined, '1.56'))).toBe(
    '{"Type":"image","Action":"pull","Actor":{"ID":"x","Attributes":{}},"scope":"local","time":1795569454,"timeNano":1795569454072174027}\n',
  );
});

test.each([
  [undefined, '1.56', 'application/json'],
  ['*/*', '1.56', 'application/json'],
  ['application/jsonl', '1.56', 'application/jsonl'],
  ['text/html, application/json-seq;q=0.5', '1.56', 'application/json-seq'],
  ['application/x-ndjson', '1.52', 'application/x-ndjson'],
  ['application/x-ndjson', '1.51', 'application/json'],
] as const)('events for Accept %s at %s are %s', (accept, version, expected) => {
  expect(eventFormat(accept, version).contentType).toBe(expected);
});

describe.skipIf(!hasDocument)('the newest form agrees with the OpenAPI document', () => {
  test.each([
    ['ContainerInspectResponse', shapeContainer(container, '1.56'), []],
    ['ContainerSummary', shapeContainerSummary(containerSummary, '1.56'), []],
    ['ImageInspect', shapeImage(image, '1.56'), []],
    ['ImageSummary', shapeImageSummary(imageSummary, '1.56'), []],
    ['SystemInfo', shapeInfo(info, '1.56'), []],
    ['Network', shapeNetwork(network, '1.56'), ['Containers']],
  ])('%s', (name, value, legacy) => {
    expect(differences(value, openApi().definitions[name] ?? {}, { legacy })).toEqual([]);
  });
});
