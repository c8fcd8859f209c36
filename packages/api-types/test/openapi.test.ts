import { globSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { hasDocument, openApi, resolve } from './support/openapi.ts';

/** Fields that a type has for older API versions, or that Docker sends although the document does not say so. */
const beyond: Readonly<Record<string, readonly string[]>> = {
  AuthConfig: ['auth', 'email', 'identitytoken', 'registrytoken'],
  Commit: ['Expected'],
  ContainerConfig: ['MacAddress'],
  CreateImageInfo: ['stream', 'aux', 'error', 'progress'],
  ErrorResponse: ['code'],
  EventMessage: ['status', 'id', 'from'],
  ImageInspect: ['Container', 'ContainerConfig', 'DockerVersion', 'Parent', 'VirtualSize'],
  ImageSummary: ['VirtualSize'],
  NetworkInspect: ['Containers'],
  ProgressDetail: ['start', 'hidecounts', 'units'],
  RegistryServiceConfig: ['AllowNondistributableArtifactsCIDRs', 'AllowNondistributableArtifactsHostnames'],
  SwarmInfo: ['NodeID', 'NodeAddr', 'Error', 'RemoteManagers', 'LocalNodeState', 'ControlAvailable'],
  SystemInfo: ['BridgeNfIptables', 'BridgeNfIp6tables'],
};

/** Fields of a swarm that no type here has. */
const without: Readonly<Record<string, readonly string[]>> = {
  SwarmInfo: ['Nodes', 'Managers', 'Cluster'],
  NetworkInspect: ['Services', 'Status'],
};

interface Fields {
  readonly parents: readonly string[];
  readonly own: ReadonlyMap<string, { readonly optional: boolean }>;
}

/** The interfaces of the sources, by name: what a reader sees, not what a compiler makes of it. */
function interfaces(): ReadonlyMap<string, Fields> {
  const found = new Map<string, Fields>();
  for (const file of globSync(new URL('../src/*.ts', import.meta.url).pathname)) {
    for (const node of ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest).statements) {
      if (ts.isInterfaceDeclaration(node)) found.set(node.name.text, fieldsOf(node));
      if (ts.isTypeAliasDeclaration(node) && ts.isTypeReferenceNode(node.type) && ts.isIdentifier(node.type.typeName)) {
        found.set(node.name.text, { parents: [node.type.typeName.text], own: new Map() });
      }
    }
  }
  return found;
}

function fieldsOf(node: ts.InterfaceDeclaration): Fields {
  const own = new Map<string, { optional: boolean }>();
  for (const member of node.members) {
    if (!ts.isPropertySignature(member) || !(ts.isIdentifier(member.name) || ts.isStringLiteral(member.name))) continue;
    own.set(member.name.text, { optional: member.questionToken !== undefined });
  }
  const parents = (node.heritageClauses ?? []).flatMap((clause) => clause.types.map((t) => (ts.isIdentifier(t.expression) ? t.expression.text : '')));
  return { parents, own };
}

function allFields(name: string, types: ReadonlyMap<string, Fields>): ReadonlyMap<string, { readonly optional: boolean }> {
  const type = types.get(name);
  if (type === undefined) return new Map();
  return new Map([...type.parents.flatMap((parent) => [...allFields(parent, types)]), ...type.own]);
}

describe.skipIf(!hasDocument)('the wire types agree with the OpenAPI document (skipped where it is not beside the repository)', () => {
  const types = hasDocument ? interfaces() : new Map<string, Fields>();
  const shared = hasDocument ? [...types.keys()].filter((name) => resolve(openApi().definitions[name] ?? {}).properties !== undefined) : [];

  test('covers what is served', () => {
    expect(shared.length).toBeGreaterThan(60);
    for (const name of ['ContainerConfig', 'HostConfig', 'Resources', 'ContainerInspectResponse', 'ImageInspect', 'SystemInfo', 'EventMessage']) {
      expect(shared).toContain(name);
    }
  });

  test.each(shared)('%s', (name) => {
    const schema = resolve(openApi().definitions[name] ?? {});
    const ours = allFields(name, types);
    const theirs = Object.keys(schema.properties ?? {}).filter((field) => without[name]?.includes(field) !== true);
    const extra = [...ours.keys()].filter((field) => !theirs.includes(field) && beyond[name]?.includes(field) !== true);
    expect({ missing: theirs.filter((field) => !ours.has(field)), extra }).toEqual({ missing: [], extra: [] });
    const looser = (schema.required ?? []).filter((field) => ours.get(field)?.optional === true);
    expect(looser, 'required by the document, optional here').toEqual([]);
  });
});
