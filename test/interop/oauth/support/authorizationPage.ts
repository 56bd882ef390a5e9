// The owner before the authorization page, in Chromium. What the two servers call things differs; what a person does does not.
import type { Browser, Page } from 'playwright-core'
import type { Answer, Decision, SignIn } from './authorization.ts'

/** The buttons, as a screen reader names them. */
const BUTTONS: Record<SignIn['name'], Record<Decision, string>> = {
  reference: { approve: 'Authorize', deny: 'Deny access' },
  cirrus: { approve: 'Allow', deny: 'Deny' },
}

/** Signs in on the page that is open, if it asks for it, and decides. */
export async function decide(page: Page, server: SignIn, decision: Decision): Promise<void> {
  const password = page.locator('input[type=password]')
  const button = page.getByRole('button', { name: BUTTONS[server.name][decision], exact: true })
  // Where no account was named, the reference asks first whether there is one, and then for its name.
  const welcome = page.getByRole('button', { name: 'Sign in', exact: true })
  await password.or(button).or(welcome).first().waitFor()
  if (!(await button.isVisible())) {
    if (!(await password.isVisible())) await welcome.click()
    await password.waitFor()
    const name = page.locator('input[name=username], input[name=identifier]')
    if ((await name.isVisible()) && (await name.isEditable())) await name.fill(server.handle)
    await password.fill(server.password)
    await password.press('Enter')
    await button.waitFor()
  }
  await button.click()
}

/** Opens the address that a client sends the browser to, decides, and gives what the client's redirect URI is sent. */
export async function authorize(
  browser: Browser,
  server: SignIn,
  request: { url: URL | string; redirectUri: string; decision?: Decision },
): Promise<Answer> {
  const context = await browser.newContext({ locale: 'en' })
  try {
    const page = await context.newPage()
    const { redirectUri } = request
    // Nothing listens there. A redirect cannot be answered in its place, so it is enough to see it go out.
    const arrived = context.waitForEvent('request', (sent) => sent.url().split(/[?#]/)[0] === redirectUri)
    await page.goto(String(request.url))
    await decide(page, server, request.decision ?? 'approve')
    // Without scripts a form is sent by the owner: Cirrus shows it with a button.
    const send = page.locator(`form[action="${redirectUri}"] button`)
    const sent = await Promise.race([arrived, send.click().then(() => arrived)])
    const { search, hash } = new URL(sent.url())
    const carried = sent.postData() ?? (search || hash.slice(1))
    return { params: new URLSearchParams(carried), method: sent.method() }
  } finally {
    await context.close()
  }
}
