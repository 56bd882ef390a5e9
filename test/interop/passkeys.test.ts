/**
 * Passkeys in a real Chromium, with a virtual authenticator, at the real Worker on `http://localhost`: registered by a link,
 * used, refused, removed.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Browser, CDPSession, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { connect } from '../../src/client/index.ts'
import { type PlcDirectory, startPlc } from '../support/plc.ts'
import { startBrowser, violations } from './support/browser.ts'

type Cirrus = Awaited<ReturnType<typeof startPlcCirrus>>

let browser: Browser
let plc: PlcDirectory
let cirrus: Cirrus
let folder: string

beforeAll(async () => {
  browser = await startBrowser()
  plc = await startPlc()
  folder = await mkdtemp(join(tmpdir(), 'passkeys-'))
  cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test', persist: folder })
})
afterAll(async () => {
  await browser?.close()
  await cirrus?.close()
  await plc?.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

afterEach(async () => {
  for (const { id } of (await admin().listPasskeys()).passkeys) await admin().removePasskey({ id })
})

const admin = () => connect(cirrus.url, { admin: { password: cirrus.adminPassword } }).com.cirrus.admin

interface Person extends AsyncDisposable {
  page: Page
  cdp: CDPSession
  authenticatorId: string
  /** Every address that was asked for, and every Referer that was sent. */
  sent: string[]
}

/**
 * Somebody with a new browser and a device that verifies them. It answers at once, also where a browser waits until a passkey
 * is chosen in a field: so that is left out, but where `isOffered`.
 */
const person = async (options: { isUserVerified?: boolean; isOffered?: boolean } = {}): Promise<Person> => {
  const context = await browser.newContext({ locale: 'en-GB' })
  if (!options.isOffered)
    await context.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false')
  const page = await context.newPage()
  const sent: string[] = []
  page.on('request', (request) => sent.push(request.url(), request.headers()['referer'] ?? ''))
  const cdp = await context.newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: options.isUserVerified ?? true,
      automaticPresenceSimulation: true,
    },
  })
  return { page, cdp, authenticatorId, sent, [Symbol.asyncDispose]: () => context.close() }
}

const create = (page: Page) => page.getByRole('button', { name: 'Create the passkey' })
const withPasskey = (page: Page) => page.getByRole('button', { name: 'Sign in with a passkey' })

/** Opens a new link, and waits until the page has sent its secret. */
const openLink = async (page: Page, url?: string): Promise<string> => {
  const link = url ?? (await admin().createPasskeyLink()).url
  await page.goto(link)
  return link
}

const register = async ({ page }: Person, name: string): Promise<void> => {
  await openLink(page)
  await page.getByLabel('Name').fill(name)
  await create(page).click()
  await page.getByText(`“${name}” is registered`).waitFor()
}

const signIn = async ({ page }: Person): Promise<void> => {
  await page.goto(`${cirrus.url}/account/passkeys`)
  await withPasskey(page).click()
}

describe('a passkey', () => {
  it('is registered by a link, whose secret is in no address and no Referer, and signs in', async () => {
    await using alice = await person()
    const { page, sent } = alice
    const link = await openLink(page)
    await create(page).waitFor()
    expect(page.url()).toBe(`${cirrus.url}/account/passkeys/register`)
    expect(await violations(page)).toEqual([])
    await page.getByLabel('Name').fill('laptop')
    await create(page).click()
    await page.getByText('“laptop” is registered').waitFor()
    // The address bar had it; no server was sent it but in the form.
    expect(sent.filter((each) => each.includes(new URL(link).hash.slice(1)))).toEqual([])
    const [passkey] = (await admin().listPasskeys()).passkeys
    expect(passkey).toMatchObject({ name: 'laptop' })

    await page.goto(`${cirrus.url}/account/passkeys`)
    await withPasskey(page).waitFor()
    expect(await violations(page)).toEqual([])
    await withPasskey(page).click()
    await page.getByRole('heading', { name: 'Account password' }).waitFor()
    expect(await violations(page)).toEqual([])
    expect((await admin().listPasskeys()).passkeys).toMatchObject([{ lastUsedAt: expect.any(String) }])
  })

  it('is offered in the fields, too, until the button asks for it', async () => {
    await using alice = await person({ isOffered: true })
    const { page, cdp, authenticatorId } = alice
    const answers = (enabled: boolean) =>
      cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
    await register(alice, 'laptop')
    await answers(false)
    await page.goto(`${cirrus.url}/account/passkeys`)
    await withPasskey(page).waitFor()
    expect(await page.getByLabel('Handle').getAttribute('autocomplete')).toBe('username webauthn')
    await answers(true)
    await withPasskey(page).click()
    await page.getByRole('heading', { name: 'Account password' }).waitFor()
    await page.context().clearCookies()
    // Chosen in a field: nothing is clicked.
    await page.goto(`${cirrus.url}/account/passkeys`)
    await page.getByRole('heading', { name: 'Account password' }).waitFor()
    const used = (await admin().getJournal({})).entries.filter(({ event }) => event === 'use-passkey')
    expect(used.length).toBeGreaterThanOrEqual(2)
  })

  it('is registered once by a link', async () => {
    await using alice = await person()
    await using mallory = await person()
    const link = await openLink(alice.page)
    await create(alice.page).waitFor()
    await openLink(mallory.page, link)
    await create(mallory.page).waitFor()
    for (const { page } of [alice, mallory]) {
      await page.getByLabel('Name').fill('the first')
      await create(page).click()
    }
    await alice.page.getByText('is registered').waitFor()
    await mallory.page.getByText('This link was used already').waitFor()
    await openLink(mallory.page, link)
    await mallory.page.getByText('This link was used already').waitFor()
    expect((await admin().listPasskeys()).passkeys).toHaveLength(1)
  })

  it('is registered once by a device: the browser itself says that it has one', async () => {
    await using alice = await person()
    await register(alice, 'laptop')
    await openLink(alice.page)
    await alice.page.getByLabel('Name').fill('again')
    await create(alice.page).click()
    await alice.page.getByText('This device has a passkey for this account already.').waitFor()
  })

  it('is not registered by a link that has expired', async () => {
    const { url } = await admin().createPasskeyLink()
    await cirrus.kill()
    for (const file of await readdir(folder, { recursive: true })) {
      if (!file.endsWith('.sqlite')) continue
      const database = new DatabaseSync(join(folder, file))
      const isAccount = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'passkey_link'").get()
      if (isAccount) database.exec('UPDATE passkey_link SET expires_at = 1')
      database.close()
    }
    await cirrus.restart()
    await using alice = await person()
    await openLink(alice.page, url)
    await alice.page.getByText('older than ten minutes').waitFor()
  })

  it('is neither registered nor used by somebody whom the device did not verify', async () => {
    await using alice = await person()
    await register(alice, 'laptop')
    const { cdp, authenticatorId, page } = alice
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
    await signIn(alice)
    await page.getByText('That did not work, or was cancelled.').waitFor()
    await using mallory = await person({ isUserVerified: false })
    await openLink(mallory.page)
    await mallory.page.getByLabel('Name').fill('x')
    await create(mallory.page).click()
    await mallory.page.getByText('That did not work, or was cancelled.').waitFor()
    expect((await admin().listPasskeys()).passkeys).toMatchObject([{ name: 'laptop' }])
  })

  it('works under no other name of the server', async () => {
    await using alice = await person()
    await register(alice, 'laptop')
    const { page } = alice
    for (const host of ['127.0.0.1', 'other.localhost']) {
      await page.goto(`http://${host}:${cirrus.port}/account`)
      await withPasskey(page).click()
      // The browser offers it to no other host; what another page sends is refused.
      await page
        .getByText(/That did not work|did not come from a page of this server/)
        .first()
        .waitFor()
    }
    expect((await admin().listPasskeys()).passkeys[0]).not.toHaveProperty('lastUsedAt')
  })

  it('whose counter has gone back is refused as a copy, and the journal says so', async () => {
    await using alice = await person()
    await register(alice, 'laptop')
    const { cdp, authenticatorId, page } = alice
    await signIn(alice)
    await page.getByRole('heading', { name: 'Account password' }).waitFor()
    const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
    const [credential] = credentials
    if (!credential) throw new Error('the authenticator has no credential')
    expect(credential.signCount).toBeGreaterThan(1)
    await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId })
    await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount: 0 } })
    await page.context().clearCookies()
    await signIn(alice)
    await page.getByText('there seems to be a copy of it').waitFor()
    const { entries } = await admin().getJournal({ limit: 5 })
    expect(entries.map(({ event }) => event)).toContain('copied-passkey')
  })

  it('that was removed on the page signs nobody in', async () => {
    await using alice = await person()
    await register(alice, 'laptop')
    await using other = await person()
    await register(other, 'phone')
    const { page } = alice
    await signIn(alice)
    await page.getByRole('button', { name: 'Remove the passkey “laptop”' }).click()
    await expect.poll(async () => (await admin().listPasskeys()).passkeys).toMatchObject([{ name: 'phone' }])
    await page.context().clearCookies()
    await signIn(alice)
    await page.getByText('This passkey is not registered here').waitFor()
  })

  it('opens the pages while the password is off; the password does so when it is on again', async () => {
    await using alice = await person()
    await register(alice, 'laptop')
    const { page } = alice
    await signIn(alice)
    await page.getByRole('button', { name: 'Switch the password off' }).click()
    await page.getByText('opens neither these pages nor apps').waitFor()
    await page.context().clearCookies()
    const session = () =>
      connect(cirrus.url).com.atproto.server.createSession({
        identifier: cirrus.handle,
        password: cirrus.password,
      })
    await expect(session()).rejects.toMatchObject({
      error: 'AuthenticationRequired',
      message: expect.stringContaining('pds passkey password on'),
    })
    await page.goto(`${cirrus.url}/account`)
    expect(await page.getByLabel('Account password').count()).toBe(0)
    await withPasskey(page).click()
    await page.getByRole('link', { name: 'Passkeys' }).waitFor()
    // The device is lost.
    await admin().setPasswordSignIn({ enabled: true })
    await page.context().clearCookies()
    await page.goto(`${cirrus.url}/account`)
    await page.getByLabel('Account password').fill(cirrus.password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('link', { name: 'Passkeys' }).waitFor()
    expect(await session()).toMatchObject({ handle: cirrus.handle })
  })
})
