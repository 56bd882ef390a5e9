import { verifyOwnToken } from '../../account/auth/authorize.ts'
import { signingToken } from '../../account/plc/signingToken.ts'
import { readAccount } from '../../account/db/accountRow.ts'
import type { Handler } from '../context.ts'

export const signPlcOperation: Handler<'com.atproto.identity.signPlcOperation'> = async ({
  account,
  auth,
  input,
}) => {
  const { did, platform, sql, config, signingKey } = account
  const { token, ...request } = input
  account.plc.requirePlc('signPlcOperation')
  const claims = await signingToken(auth, token, (text) =>
    verifyOwnToken(
      {
        ...{ did, platform, serviceDid: config.serviceDid, signingKey: signingKey.did },
        tokensNotBefore: () => readAccount(sql).tokensNotBefore,
      },
      text,
    ),
  )
  const operation = await account.plc.sign(claims, request)
  // The DID may move soon, and this server should notice.
  await account.maintenance.watchMove()
  return { operation: { ...operation } }
}
