declare const __LONG__: string
declare const __SEEDS__: string
declare const __SEED__: string
declare const __RACES__: string

/** Whether this is `npm run test:long`. */
export const LONG = __LONG__ === 'true'

/** How many random histories and schedules there are, and the seed of the first; `SEEDS` and `SEED` set them. */
export const SEEDS = Number(__SEEDS__)
export const FIRST_SEED = Number(__SEED__)

/** How many exports are raced with writes; `RACES` sets it. */
export const RACES = Number(__RACES__)
