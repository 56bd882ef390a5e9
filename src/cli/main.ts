import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { processIo } from './terminal/io.ts'
import { run } from './run.ts'

/**
 * Runs `pds` in this process; bin/pds.js calls it. The first interrupt stops the command, the second one the process.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const stop = new AbortController()
  const interrupt = () => {
    if (stop.signal.aborted) process.exit(130)
    stop.abort()
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
