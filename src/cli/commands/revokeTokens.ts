import { orServerError } from '../serverErrors.ts'
import { command } from '../command.ts'

export const revokeTokens = command({
  name: 'revoke-tokens',
  summary: 'Refuse every migration token minted until now.',
  description:
    'A PLC operation that was already signed with one stays valid: `pds identity --void` makes it worthless.',
  async run({ admin, out }) {
    const server = await admin()
    const revoked = await orServerError(server.com.cirrus.admin.revokeMigrationTokens())
    const { unsubmitted } = await orServerError(server.com.cirrus.admin.getStatus())
    if (unsubmitted.length > 0)
      out.warn('an operation signed with a token waits and can still be sent. Run `pds identity --void`.')
    out.result(
      { ok: true, ...revoked },
      `Migration tokens from before ${revoked.tokensNotBefore} are refused.`,
    )
  },
})
