/** What the pages say about passkeys, in English. */
export const en = {
  signIn: 'Sign in with a passkey',
  or: 'or',
  needsScript: 'Passkeys need JavaScript, which is switched off in this browser.',
  failed: 'That did not work, or was cancelled. Try again.',
  known: 'This device has a passkey for this account already.',
  problem: {
    unknown: 'This passkey is not registered here: it was removed, or belongs to another server.',
    copied:
      'This passkey was refused, because there seems to be a copy of it. Remove it, and register another one.',
    stale: 'That took too long, or was sent twice. Try again.',
    wrong: 'This passkey was refused. Try again.',
  },

  register: {
    title: 'Register a passkey',
    open: 'Open this page by the link that `pds passkey add` gives. If you did, press the button.',
    next: 'Go on',
    intro: (host: string) =>
      `From then on, a person who has the device that you use now and can unlock it can sign in to ${host}. The passkey works under this name only.`,
    name: 'Name, such as the device’s',
    create: 'Create the passkey',
    gone: 'This link was used already, has ended, or is older than ten minutes. `pds passkey add` gives another one.',
    badName: 'This name cannot be used: it is empty, too long, or has characters that cannot be seen.',
    full: 'There are too many passkeys. Remove one first.',
    done: (name: string) => `The passkey “${name}” is registered. From now on you can sign in with it.`,
    toAccount: 'To the account',
  },

  list: {
    title: 'Passkeys',
    intro:
      'You sign in to this page with a passkey by finger, face or PIN. The command `pds passkey add` gives a link to register one.',
    none: 'There are none.',
    createdAt: 'Registered',
    lastUsedAt: 'last used',
    neverUsed: 'never used',
    backup: {
      device: 'on one device only',
      eligible: 'on one device so far, can be synced to others',
      synced: 'synced to other devices',
    },
    rename: 'Rename',
    renameOf: (name: string) => `New name of the passkey “${name}”`,
    remove: 'Remove',
    removeOf: (name: string) => `Remove the passkey “${name}”`,
    last: 'It is the only one: with it, the password is switched on again.',
    password: 'Account password',
    passwordOn:
      'The account password signs in here and in apps, too. Without it, only passkeys open these pages, and only app passwords and OAuth let apps in.',
    passwordOff:
      'The account password opens neither these pages nor apps. Only moving the account in still asks for it. If you lose every passkey, `pds passkey password on` switches it on again.',
    switchOn: 'Switch the password on',
    switchOff: 'Switch the password off',
    needsPasskey: 'It can be switched off once there is a passkey.',
  },
}

export type PasskeyTexts = typeof en
