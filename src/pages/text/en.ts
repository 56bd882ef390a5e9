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

  authorize: {
    app: 'App',
    claims: 'It calls itself',
    account: 'Account',
    goesTo: 'Afterwards you go to',
    cancel: 'Back to the app',
    otherAccount: (asked: string, own: string) =>
      `The app asks for the account ${asked}. This server has one account only: @${own}. Go back to the app and enter that one, or sign in on the server of the other.`,
    incomplete:
      'This address is not complete. It has to come from an app: go back to the app and begin signing in again.',
    gone: 'This request is not known here any more: it was answered already, or it is older than five minutes. Go back to the app and begin signing in again.',
    badClient:
      'What the app says of itself on its own website is wrong or cannot be read, so nobody can be signed in to it. Its makers have to mend that.',
    busy: 'Too many apps are being looked up at this moment. Try again in a minute.',
    details: 'Details',
    formPost: 'Go back to the app',
    formPostText: 'You are done here. Press the button to go on in the app.',
  },

  consent: {
    title: 'Let this app in?',
    unknown:
      'New here: this app has no access to your account so far. Go on only if you have just begun to sign in there yourself, and know its address.',
    loopback:
      'This is a program that says it runs on your own computer. Any program there can say so: go on only if you have just started it. You are asked each time.',
    may: 'What it asks for',
    exactly: 'The exact names',
    endsAfter: (days: number) =>
      `Its access ends after ${days} days, or whenever you end it on the page Apps. It does not get your password.`,
    endsUnused: (days: number) =>
      `Its access ends when it is not used for ${days} days, or whenever you end it on the page Apps. It does not get your password.`,
    allow: 'Allow',
    deny: 'Deny',
  },

  apps: {
    title: 'Apps',
    grants: 'Apps with access',
    noGrants: 'No app has signed in by OAuth.',
    sessions: 'Signed in by password',
    noSessions: 'Nothing is signed in by password.',
    browsers: 'Browsers on this page',
    since: 'Since',
    lastUsed: 'Last used',
    expires: 'Until',
    by: 'Signed in by',
    byAppPassword: (name: string) => `app password “${name}”`,
    byPassword: 'account password',
    byPasskey: 'passkey',
    may: 'It may',
    here: 'This browser',
    end: 'End',
    endOf: (what: string) => `End the access of ${what}`,
    endAll: 'End all of these',
    endAllText: 'Every app and every other browser has to sign in again.',
    unknownProgram: 'a program that did not say its name',
    lastUsedNote: 'The last use is noted when an app renews its access: every few minutes to hours.',
  },

  appPasswords: {
    title: 'App passwords',
    intro:
      'For apps that cannot sign in by OAuth. Each app gets its own, and you can end each by itself. No app password opens this page.',
    none: 'There are none.',
    name: 'Name, such as the app’s',
    privileged: 'May also read and write direct messages',
    privilegedTag: 'with direct messages',
    create: 'Create',
    created: (name: string) => `The app password “${name}” is:`,
    once: 'It is shown this once only. Enter it in the app now.',
    done: 'I have entered it',
    revoke: 'Revoke',
    revokeOf: (name: string) => `Revoke the app password “${name}”`,
    createdAt: 'Created',
    refused:
      'This name cannot be used: it is taken, or it is empty, too long, or has characters that cannot be seen.',
    notNow: 'App passwords can be created while the account is active here.',
  },

  overview: {
    next: 'What to do next',
    facts: 'Where the account stands',
    state: 'State',
    states: {
      absent: 'not created yet',
      active: 'active',
      deactivated: 'deactivated',
      moved: 'moved to another server',
      deleted: 'deleted',
    } as Record<string, string>,
    pds: 'Its identity names',
    here: 'this server',
    unknown: 'could not be looked up',
    records: 'Records',
    blobs: 'Pictures and videos',
    of: (stored: string, expected: string) => `${stored} of ${expected}`,
    fenced: 'No writes before',
    backup: 'Last backup',
    noBackup: 'none yet',
    failedSignIns: 'Failed sign-ins since the last good one',
    warnings: 'Worth a look',
    journal: 'What happened last',
    times: (count: number) => `(${count} times)`,
    cli: 'The command `pds status` says the same.',
  },

  leaving: {
    hold: 'Stop renewing it',
    goOn: 'Renew it again',
    title: 'Leaving',
    intro:
      'You can move your account to another server at any time, with everything in it. The command `pds move --to <server>` does it; this page shows what this server sees of it.',
    underWay: (seconds: number) => `A move is under way. This page renews itself every ${seconds} seconds.`,
    steps: 'The steps of the move',
    step: {
      minted: 'A migration token was made',
      exported: 'The repository was read with it',
      blobs: 'Pictures and videos were read with it',
      signed: 'The change of the identity was signed',
      deactivated: 'The account was deactivated here',
      moved: 'The identity names the new server',
      verified: 'It was verified that everything arrived',
    },
    done: 'done',
    open: 'not yet',
    unseen: 'not seen since this server last started',
    tokens: 'Migration tokens',
    noTokens: 'None was made so far.',
    tokenFor: (target: string) => `for ${target}`,
    anywhere: 'for no server in particular',
    validUntil: 'valid until',
    revoked: 'revoked',
    copied: 'Copied over time',
    copiedText: (records: string, ofRecords: string, blobs: string, ofBlobs: string) =>
      `${records} of ${ofRecords} records and ${blobs} of ${ofBlobs} pictures and videos were given out with a migration token.`,
    nothingCopied: 'Nothing was read with a migration token in the last day.',
    records: 'records',
    blobs: 'pictures and videos',
    check: 'Can the account leave safely?',
    checkNow: 'Check it now',
    checkText: 'As far as this server knows by itself. `pds preflight` asks the new server, too.',
    checkPart: (records: string) =>
      `${records} records were verified for this answer; \`pds preflight\` verifies all of them.`,
    noRepository: 'There is no repository here yet.',
    levels: { pass: 'Good', warn: 'Worth a look', fail: 'Stops a move' } as Record<string, string>,
    mend: 'What to do:',
    arriving: 'Moving in',
    arrivingRecords: (records: string) => `${records} records are here.`,
    arrivingNow: (records: string, megabytes: string) =>
      `A repository is arriving: ${records} records verified, ${megabytes} MB received.`,
    arrivingBlobs: (stored: string, expected: string) =>
      `${stored} of ${expected} pictures and videos are here.`,
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
