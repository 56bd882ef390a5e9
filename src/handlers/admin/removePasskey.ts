import type { Handler } from '../context.ts'

export const removePasskey: Handler<'com.cirrus.admin.removePasskey'> = ({ account, input, error }) => {
  const { passkeys } = account.oauth
  if (!passkeys.remove(input.id, 'admin'))
    throw error(
      'PasskeyNotFound',
      `no passkey has the id ${JSON.stringify(input.id)}: it may have been removed already; listPasskeys names those that there are`,
    )
  return { passwordSignIn: passkeys.isPasswordEnabled() }
}
