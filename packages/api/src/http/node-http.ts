import type * as NodeHttp from 'node:http';

/**
 * `node:http`, without what an ES import of it costs: that reads every export, and so loads all of fetch and WebSocket
 * behind some of them, which is a fifth of a daemon's start.
 */
export const http: typeof NodeHttp = process.getBuiltinModule('node:http');
