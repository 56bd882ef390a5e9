import { join } from 'node:path'
import { contract } from '../../../src/cli/contract/contract.ts'
import type { Io } from '../../../src/cli/terminal/io.ts'
import type { ContractDeps } from '../../../src/contract/types.ts'
import { pds, type Ran, type RunOptions } from '../support.ts'

/** The folder of the package, which has the documents. */
const PACKAGE = join(import.meta.dirname, '../../..')

/** Runs `pds-contract` as `pds` runs the CLI: in this process, with what a user would see. */
export const pdsContract = (
  args: readonly string[],
  options: RunOptions = {},
  deps?: (io: Io) => ContractDeps,
): Promise<Ran> =>
  pds(args, options, (argv, io) => {
    const within = { ...io, searchFolders: [...io.searchFolders, PACKAGE] }
    return contract(argv, within, deps?.(within))
  })

/** A server that is as it should be, as far as the rules for all answers go; `answers` are others, by method. */
export const server =
  (answers: Record<string, () => Response> = {}): typeof fetch =>
  async (input) => {
    const { pathname } = new URL(input instanceof Request ? input.url : String(input))
    const own = answers[pathname.replace('/xrpc/', '')]
    const answer = own?.() ?? Response.json({ error: 'InvalidRequest', message: 'no' }, { status: 400 })
    if (!answer.headers.has('access-control-allow-origin'))
      answer.headers.set('access-control-allow-origin', '*')
    return answer
  }
