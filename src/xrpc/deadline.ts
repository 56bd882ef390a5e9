/** Calls `ring` after so many milliseconds, unless the function that it returns is called before. */
export type Timer = (ms: number, ring: () => void) => () => void

/** Waits for `work`, and calls `late` for the error to throw where it has not ended after so many milliseconds. */
export const within = async <T>(
  timer: Timer,
  ms: number,
  work: Promise<T>,
  late: () => Error,
): Promise<T> => {
  let stop = (): void => {}
  const tooLate = new Promise<never>((_, reject) => {
    stop = timer(ms, () => reject(late()))
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    stop()
  }
}
