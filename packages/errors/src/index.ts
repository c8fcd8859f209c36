export { GantryError, isGantryError, toGantryError, type ErrorDetails, type GantryErrorOptions } from './gantry-error.ts';
export { kinds, isErrorKind, type ErrorKind } from './kinds.ts';
export { toHttp, fromHttp, type HttpError } from './http.ts';
export { fromJson, toJson, type ErrorJson } from './json.ts';
