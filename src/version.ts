/** The version of this package: what the Worker answers to `_health`, and what `pds` compares it with. */
export const VERSION = '0.1.0'
