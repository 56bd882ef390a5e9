/** The process: bin/pds.js calls `main`. */
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { processIo } from './io.ts'
import { run } from './run.ts'

export async function main(argv: readonly string[]): Promise<void> {
  const stop = new AbortController()
  const interrupt = () => {
    // A second time means now.
    if (stop.signal.aborted) process.exit(130)
    stop.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  // `pds log | head` closes the pipe early, and that is no error.
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => process.exit(cause.code === 'EPIPE' ? 0 : 1))
  const home = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
  process.exitCode = await run(argv, processIo(home, stop.signal))
  process.off('SIGINT', interrupt)
  process.off('SIGTERM', interrupt)
  // A terminal that was asked something stays open otherwise.
  process.stdin.unref?.()
}
