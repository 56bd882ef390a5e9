import type { Passkeys } from '../../../../../src/account/oauth/passkeys/types.ts'
import {
  type Authenticator,
  type Ceremony,
  createAuthenticator,
} from '../../../../webauthn/support/authenticator.ts'
import { ORIGIN } from '../../../../handlers/support/world.ts'

export const RP_ID = new URL(ORIGIN).hostname

/** The options as a page gets them. */
export interface Options {
  challenge: string
  [name: string]: unknown
}

const optionsOf = (options: object | undefined): Options => JSON.parse(JSON.stringify(options)) as Options

/** The secret of a new link. */
export const newLink = (passkeys: Passkeys): string => new URL(passkeys.createLink().url).hash.slice(1)

export const registrationOptions = (passkeys: Passkeys, link: string): Options =>
  optionsOf(passkeys.registrationOptions(link))

export const signInOptions = (passkeys: Passkeys): Options => optionsOf(passkeys.signInOptions())

/** What a browser on our page is asked. */
export const ceremony = ({ challenge }: Options, wrong: Partial<Ceremony> = {}): Ceremony => ({
  challenge,
  origin: ORIGIN,
  rpId: RP_ID,
  ...wrong,
})

/** Registers a new passkey by a new link. */
export const addPasskey = async (
  passkeys: Passkeys,
  name = 'laptop',
  id?: Uint8Array,
): Promise<Authenticator> => {
  const authenticator = createAuthenticator('ES256', id ? { id } : {})
  const link = newLink(passkeys)
  await passkeys.register(link, name, authenticator.register(ceremony(registrationOptions(passkeys, link))))
  return authenticator
}
