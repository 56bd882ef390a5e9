import { runProcess } from '../terminal/runProcess.ts'
import { contract } from './contract.ts'

/** Runs `pds-contract` in this process; bin/pds-contract.js calls it. */
export const main = (argv: readonly string[]): Promise<void> =>
  // What was made on the server is removed after an interrupt, too: the requests end by their own signal.
  runProcess(process.cwd(), (io) => contract(argv, { ...io, fetch }))
