/** What the pages say, in English. `Texts` is its type: a text that another language lacks does not compile. */
export const en = {
  language: 'English',
  languages: 'Language',
  skip: 'Skip to the content',
  servedBy: (host: string) => `${host} is a Cirrus: a server for one account.`,
  back: 'Back to the account',
  notSaid: 'not said',

  signIn: {
    title: 'Sign in',
    continueTo: 'Sign in to see what the app asks for. It does not get your password.',
    toAccount: 'Sign in to see and change who may use your account.',
    again: 'For this, please enter your password again.',
    identifier: 'Handle',
    password: 'Account password',
    remember: 'Stay signed in for 7 days',
    button: 'Sign in',
    wrong: 'This is not the handle of this account, or not its password. An app password does not work here.',
    tooMany: (seconds: number) => `Too many tries. Please wait ${seconds} seconds, then try again.`,
    passwordOff: 'Signing in by password is turned off here. Use a passkey.',
    checkAddress: (host: string) => `Enter your password only if the address bar shows ${host}.`,
  },

  error: {
    title: 'This did not work',
    notFound: 'There is no such page here.',
    embedded: 'This page opens in a window of its own only, not inside of another page.',
    foreign: (origin: string) =>
      `This request did not come from a page of this server, so nothing was done. Open ${origin}/account itself and try again.`,
    stale: 'This page was out of date, or your browser did not send its cookies. Nothing was done.',
    form: 'The form arrived incomplete. Nothing was done.',
    method: 'This page cannot be asked for like that.',
    bug: (id: string) => `Something is wrong with this server. Its log says more under the number ${id}.`,
    again: 'Open the page again',
  },

  nav: {
    label: 'Account',
    overview: 'Overview',
    apps: 'Apps',
    appPasswords: 'App passwords',
    passkeys: 'Passkeys',
    leaving: 'Leaving',
    signOut: 'Sign out',
  },
}

export type Texts = typeof en
