/** An authorization code names its grant, so that it is found without a search, and has a secret of its own. */
export const formatCode = (grant: string, secret: string): string => `cod-${grant}-${secret}`

/** The grant that a code names; undefined for what is not a code. */
export const grantOfCode = (code: string): string | undefined =>
  /^cod-([0-9a-f]{32})-[0-9a-f]{32}$/.exec(code)?.[1]
