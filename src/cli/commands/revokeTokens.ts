import { orServerError } from '../servers/serverErrors.ts'
import { command } from '../command.ts'
import { getStatus } from '../servers/status.ts'

export const revokeTokens = command({
  name: 'revoke-tokens',
  summary: 'Revoke every migration token that was minted until now.',
  description:
    'A PLC operation that was already signed with one stays valid: `pds identity --void` makes it worthless.',
  async run({ admin, out }) {
    const server = await admin()
    const revoked = await orServerError(server.com.cirrus.admin.revokeMigrationTokens())
    const { unsubmitted } = await getStatus(server)
    if (unsubmitted.length > 0)
      out.warn('an operation that was signed with a token can still be submitted. Run `pds identity --void`.')
    out.result(
      { ok: true, ...revoked },
      `Migration tokens from before ${revoked.tokensNotBefore} are revoked.`,
    )
  },
})
