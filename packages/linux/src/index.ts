export type * from './protocol.ts';
export { frameType, maxFrameLength, protocolVersions } from './protocol.ts';
export type { Attachment, Keeper, OutputChunk, StdinWriter } from './keeper.ts';
export type { FsConnection, Native, NetlinkCall, OpenNativeOptions } from './native.ts';
export { openNative } from './open-native.ts';
export { FrameConnection, type Frame } from './frames.ts';
export type * from './fs-types.ts';
export { openFsSession } from './fs-session.ts';
export { cgroupFolder, detectCgroups, parseCgroups, type CgroupHierarchy, type CgroupLayout, type CgroupSources, type UnifiedHierarchy } from './cgroups.ts';
