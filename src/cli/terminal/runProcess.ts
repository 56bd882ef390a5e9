import type { Io } from './io.ts'
import { processIo } from './io.ts'

/**
 * Runs a program in this process, with its exit code. The first interrupt stops its work, the second one the process.
 * `packageFolder` is the folder of the package.
 */
export async function runProcess(packageFolder: string, work: (io: Io) => Promise<number>): Promise<void> {
  const stop = new AbortController()
  const interrupt = () => {
    if (stop.signal.aborted) process.exit(130)
    stop.abort()
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
