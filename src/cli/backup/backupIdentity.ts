import { join } from 'node:path'
import { STATE_FILES } from '../../archive/archiveIndex.ts'
import { formatLog } from '../../archive/stateFiles.ts'
import { createDidResolver } from '../../identity/didResolver.ts'
import { IdentityError } from '../../identity/errors.ts'
import { outbound } from '../../outbound.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { writeAtomically } from '../files/files.ts'
import { plcDirectory } from '../servers/plcDirectory.ts'
import { serverError } from '../servers/serverErrors.ts'

const orCliError = async <T>(asked: Promise<T>): Promise<T> => {
  try {
    return await asked
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw serverError(cause)
    throw new CliError(cause.retryable ? 'directory-unavailable' : 'did-not-found', cause.message, { cause })
  }
}

/**
 * Writes the DID document, and the log of a did:plc, verified from the genesis on and with nullified operations.
 * Returns the log's head; '' for a did:web, which has no log.
 */
export async function backupIdentity(context: Context, state: string, did: string): Promise<string> {
  const directory = plcDirectory(context)
  const { dev } = context.address()
  const send = outbound({ fetch: context.io.fetch }, { dev })
  const { json } = await orCliError(createDidResolver({ send, directory, dev })(did))
  await writeAtomically(join(state, STATE_FILES.didDocument), `${JSON.stringify(json, null, 2)}\n`)
  if (!did.startsWith('did:plc:')) return ''
  const log = await orCliError(directory.log(did))
  await writeAtomically(join(state, STATE_FILES.plcLog), formatLog(did, log.entries))
  return log.head.cid
}
