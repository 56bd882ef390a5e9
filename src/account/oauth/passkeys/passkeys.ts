import type { Config } from '../../../config.ts'
import type { Platform } from '../../../platform.ts'
import { createChallenges } from '../../../signing/challenges.ts'
import { isVisibleName, VISIBLE_NAME } from '../../../visibleName.ts'
import { verifyRegistration } from '../../../webauthn/verifyRegistration.ts'
import { readPasswordDisabled, setPasswordDisabled } from '../../db/accountRow.ts'
import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import type { BrowserSignIns } from '../signIns/types.ts'
import type { PasskeyActor, Passkeys } from './types.ts'
import { creationOptions, requestOptions } from './ceremonyOptions.ts'
import { PasskeyError } from './passkeyError.ts'
import { createPasskeyLinks } from './passkeyLinks.ts'
import { insertPasskey, listPasskeys, readPasskey } from './passkeyRows.ts'
import { hasHostName, relyingParty } from './relyingParty.ts'
import { SIGN_IN, signInWithPasskey } from './signInWithPasskey.ts'

export interface PasskeysDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
  did: string
  origin: string
  secrets: Pick<Config['secrets'], 'passwordHash' | 'session'>
  /** The account's handle now. */
  handle(): string
  browserSignIns: Pick<BrowserSignIns, 'endAll'>
}

const MAX_PASSKEYS = 20
/** Where a link leads; its secret is the fragment, which no server is sent, and no `Referer` has. */
export const REGISTER_PATH = '/account/passkeys/register'

/** What a challenge for this link is for. */
const registration = (linkId: string): string => `register ${linkId}`

const checkName = (asked: string): string => {
  const name = asked.normalize('NFC')
  if (isVisibleName(name)) return name
  throw new PasskeyError('BadName', `the name of the passkey: ${VISIBLE_NAME}`)
}

export const createPasskeys = (deps: PasskeysDeps): Passkeys => {
  const { sql, platform, journal, did, origin, secrets, handle, browserSignIns } = deps
  const challenges = createChallenges({ ...secrets, random: platform.random })
  const links = createPasskeyLinks(deps)
  const party = () => relyingParty(origin)

  const assertPlace = (): void => {
    if (listPasskeys(sql).length >= MAX_PASSKEYS)
      throw new PasskeyError('TooManyPasskeys', `there are ${MAX_PASSKEYS} passkeys: remove one first`)
  }

  const setPasswordEnabled = (enabled: boolean, by: PasskeyActor): void =>
    sql.transaction(() => {
      if (enabled === !readPasswordDisabled(sql)) return
      if (!enabled && listPasskeys(sql).length === 0)
        throw new PasskeyError(
          'NoPasskey',
          'there is no passkey: without one, nobody could sign in. Register one first (`pds passkey add`)',
        )
      setPasswordDisabled(sql, !enabled)
      journal.append('password-sign-in', { enabled, by })
    })

  return {
    list: () => listPasskeys(sql),
    rename: (id, asked) => {
      const name = checkName(asked)
      return sql.transaction(() => {
        const renamed = sql.first('UPDATE passkey SET name = ? WHERE id = ? RETURNING id', name, id)
        if (renamed) journal.append('rename-passkey', { id, name })
        return renamed !== undefined
      })
    },
    remove: (id, by, exceptBrowser) =>
      sql.transaction(() => {
        const removed = sql.first<{ name: string }>('DELETE FROM passkey WHERE id = ? RETURNING name', id)
        if (!removed) return false
        journal.append('remove-passkey', { id, name: removed.name, by })
        browserSignIns.endAll(exceptBrowser, 'passkey')
        if (listPasskeys(sql).length === 0) setPasswordEnabled(true, by)
        return true
      }),
    createLink: () => {
      party()
      assertPlace()
      const { secret, expiresAt } = links.create()
      return { url: `${origin}${REGISTER_PATH}#${secret}`, expiresAt }
    },
    endLinks: links.endAll,
    registrationOptions: (link) =>
      creationOptions({
        party: party(),
        did,
        handle: handle(),
        challenge: challenges.issue(registration(links.find(link)), platform.now()),
        passkeys: listPasskeys(sql),
      }),
    register: async (link, asked, answer) => {
      const purpose = registration(links.find(link))
      const name = checkName(asked)
      const { id: rpId } = party()
      const credential = await verifyRegistration(answer, {
        origin,
        rpId,
        isChallenge: (challenge) => challenges.issuedAt(challenge, purpose, platform.now()) !== undefined,
      })
      return sql.transaction(() => {
        links.use(link)
        assertPlace()
        if (readPasskey(sql, credential.id))
          throw new PasskeyError('AlreadyRegistered', 'this passkey is registered already')
        journal.append('add-passkey', { id: credential.id, name })
        return insertPasskey(sql, credential, name, platform.now())
      })
    },
    signInOptions: () =>
      hasHostName(origin) && listPasskeys(sql).length > 0
        ? requestOptions(party(), challenges.issue(SIGN_IN, platform.now()))
        : undefined,
    signIn: (answer) => signInWithPasskey({ ...deps, challenges, party: party() }, answer),
    isPasswordEnabled: () => !readPasswordDisabled(sql),
    setPasswordEnabled,
  }
}
