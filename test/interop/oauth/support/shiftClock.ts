const Real = Date
let shift = 0

/** The clock that is shown in place of the real one. */
class Shifted extends Real {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(Real.now() + shift)
    else super(...given)
  }
  static override now(): number {
    return Real.now() + shift
  }
}

/** Moves the clock of this process (or isolate) by so much from the real time; timers keep theirs. */
export const shiftClock = (ms: number): void => {
  shift = ms
  // `Date` called without `new`, and with more than one argument, is not used by what runs under it.
  globalThis.Date = Shifted as DateConstructor
}
