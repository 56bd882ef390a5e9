import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './run.ts'
import { runProcess } from './terminal/runProcess.ts'

/** Runs `pds` in this process; bin/pds.js calls it. */
export const main = (argv: readonly string[]): Promise<void> =>
  runProcess(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), (io) => run(argv, io))
