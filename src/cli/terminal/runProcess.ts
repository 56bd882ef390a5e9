import type { Io } from './io.ts'
import { processIo } from './io.ts'

/** `npm run` and `npx` pass on the Ctrl-C that the terminal has sent to everybody: both are the same key press. */
const SAME_PRESS_MS = 300

/**
 * Runs a program in this process, with its exit code. The first interrupt stops its work, which still ends what it has
 * opened; the second one stops the process. `packageFolder` is the folder of the package.
 */
export async function runProcess(packageFolder: string, work: (io: Io) => Promise<number>): Promise<void> {
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
  process.exitCode = await work(processIo(packageFolder, stop.signal))
  process.off('SIGINT', interrupt)
  process.off('SIGTERM', interrupt)
  // After a prompt, the terminal would keep the process running.
  process.stdin.unref?.()
}
