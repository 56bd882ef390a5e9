/**
 * What workerd prints of things that the tests arrange. It prints all that goes wrong in any of its workers as an
 * uncaught exception with a stack, also where a test wants exactly that.
 */
const ARRANGED: readonly RegExp[] = [
  // A test or a schedule killed the Durable Object.
  /broken\.outputGateBroken; jsg\.Error: killed by the (test|schedule)\b/,
  // An upload ended before its declared length, or its reader gave up.
  /disconnected: fixed-length pipe ended prematurely/,
  /disconnected: reader canceled/,
  // itty-router is published with source maps, but without the sources.
  /Sourcemap for "[^"]*\/node_modules\/itty-router\//,
]

/** Each upload that ended early is followed by two of these, out of the simulated bucket. */
const EARLY_END = /disconnected: fixed-length pipe ended prematurely/
const BUCKET_LOST =
  /^uncaught exception; source = Uncaught \(in promise\); stack = Error: Network connection lost\./

/** Says of each message, in their order, whether a test has arranged it. */
export const createArranged = (): ((message: string) => boolean) => {
  let lost = 0
  return (message) => {
    if (EARLY_END.test(message)) lost += 2
    if (BUCKET_LOST.test(message) && lost > 0) {
      lost--
      return true
    }
    return ARRANGED.some((pattern) => pattern.test(message))
  }
}

/** Global set-up: leaves out what the tests have arranged. Everything else that workerd prints is printed. */
export const setup = (): (() => void) => {
  const arranged = createArranged()
  // The plugin writes each message of workerd with one call, by its level to the one or the other.
  const restore = [process.stdout, process.stderr].map((stream) => {
    const write = stream.write
    stream.write = ((chunk: string | Uint8Array, ...rest: []) =>
      typeof chunk === 'string' && arranged(chunk)
        ? true
        : write.call(stream, chunk, ...rest)) as typeof write
    return () => void (stream.write = write)
  })
  return () => restore.forEach((undo) => undo())
}
