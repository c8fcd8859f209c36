export { seccompArch, type SeccompArch } from './architecture.ts';
export { compileSeccomp, type SeccompProgram } from './compile.ts';
export { defaultProfile } from './default-profile.ts';
export { parseSeccompProfile, type SeccompProfileContext } from './profile-json.ts';
