/** Whether a path is one of the pages: they run in the account's object, and CORS never opens them. */
export const isPagePath = (path: string): boolean =>
  path === '/account' || path.startsWith('/account/') || path === '/oauth/authorize'
