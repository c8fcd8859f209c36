/** What can be configured. */
export interface OverlayOptions {
  /** Further options of overlayfs, by name. */
  readonly mountOptions?: Readonly<Record<string, string>>;
}

/**
 * Layers must mean the same on every host and for every kernel: so nothing may be stored in them that only this mount
 * understands (`redirect_dir`, `metacopy`), and no layer may be bound to the file system it stands on (`index`).
 * `nofollow` also ignores such marks if an image brought them.
 */
const fixed = { redirect_dir: 'nofollow', metacopy: 'off', index: 'off' } as const;

const reserved: readonly string[] = [...Object.keys(fixed), 'lowerdir', 'lowerdir+', 'datadir+', 'upperdir', 'workdir', 'userxattr'];

/** JSON Schema of `OverlayOptions`. */
export const optionsSchema: object = {
  type: 'object',
  additionalProperties: false,
  properties: {
    mountOptions: { type: 'object', propertyNames: { not: { enum: reserved } }, additionalProperties: { type: 'string', maxLength: 200 } },
  },
};

/** `xino` has to do something only if layers lie on several file systems; asked for by `on`, the kernel complains at each mount where it has not. */
export function mountOptions({ mountOptions: own = {} }: OverlayOptions): Readonly<Record<string, string>> {
  return { xino: 'auto', ...own, ...fixed };
}
