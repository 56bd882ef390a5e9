import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProcess } from '../terminal/runProcess.ts'
import { contract } from './contract.ts'

/** The folder of the package: in a clone this file is deeper in it than what is built of it. */
const packageFolder = (): string => {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder))
    if (existsSync(join(folder, 'package.json')) || folder === dirname(folder)) return folder
}

/** Runs `pds-contract` in this process; bin/pds-contract.js calls it. */
export const main = (argv: readonly string[]): Promise<void> =>
  // What was made on the server is removed after an interrupt, too: the requests end by their own signal.
  runProcess(packageFolder(), (io) => contract(argv, { ...io, fetch }))
