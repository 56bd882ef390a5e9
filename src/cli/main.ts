import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { processIo } from './terminal/io.ts'
import { run } from './run.ts'

/** `npm run` and `npx` pass on the Ctrl-C that the terminal has sent to everybody: both are the same key press. */
const SAME_PRESS_MS = 300

/**
 * Runs `pds` in this process; bin/pds.js calls it. The first interrupt stops the command, which still ends what it has
 * opened; the second one stops the process.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const stop = new AbortController()
  let interruptedAt: number | undefined
  const interrupt = () => {
    const now = performance.now()
    interruptedAt ??= now
    if (!stop.signal.aborted) stop.abort()
    else if (now - interruptedAt > SAME_PRESS_MS) process.exit(130)
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  // `pds log | head` closes the pipe early, which is not an error.
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => process.exit(cause.code === 'EPIPE' ? 0 : 1))
  const packageFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
  process.exitCode = await run(argv, processIo(packageFolder, stop.signal))
  process.off('SIGINT', interrupt)
  process.off('SIGTERM', interrupt)
  // After a prompt, the terminal would keep the process running.
  process.stdin.unref?.()
}
