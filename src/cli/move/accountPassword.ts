import type { TargetPassword } from './owner.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { keyFileOf } from '../init/keyFiles.ts'
import { environmentPassword, parseHost, PASSWORD_HOST_VAR } from '../project/config.ts'

/**
 * The account password on this server: of PDS_PASSWORD, the key file, or the user's answer. The first two only if they
 * are for this server.
 */
export const accountPassword =
  (context: Context, did: string): TargetPassword =>
  async ({ origin, handle }) => {
    const { io, prompts, project, address } = context
    const server = address()
    const given = environmentPassword('PDS_PASSWORD', server, io.env)
    if (given) return given
    const keys =
      project && server.isProjectServer ? (await keyFileOf(project.root, { did, handle }))?.keys : undefined
    if (keys?.accountPassword && parseHost(keys.hostname, 'the key file') === server.origin)
      return keys.accountPassword
    return await prompts.secretOfTerminal(
      `Account password of ${handle} on ${new URL(origin).host} (the one that pds init set)`,
      new CliError('sign-in-needed', `the account password of this server is needed for ${did}`, {
        next: `give the account password of this server as PDS_PASSWORD${server.isProjectServer ? '' : `, with ${PASSWORD_HOST_VAR}=${new URL(server.origin).host}`}`,
      }),
    )
  }
