import { PASSWORD, type World } from '../../handlers/support/world.ts'
import { browse, type Browser, type Shown } from './browser.ts'

/** A browser in which the owner has signed in, with the page that they see first. */
export const signedIn = async (
  world: World,
  path = '/account',
  fields: Record<string, string> = {},
): Promise<{ browser: Browser; page: Shown }> => {
  const browser = browse(world)
  const page = await browser.submit(await browser.open(path), 'password', { password: PASSWORD, ...fields })
  return { browser, page }
}
