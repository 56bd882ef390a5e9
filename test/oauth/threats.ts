/** What could go wrong with signing in by OAuth, where it is closed, and the test that shows it. */
export interface Threat {
  /** What somebody could do. */
  threat: string
  /** The module that closes it, below src/. */
  closedIn: string
  /** The file of the test, below test/, and a part of its title. */
  test: readonly [file: string, title: string]
}

/** Of the flow: what clients and strangers send to PAR, token and revoke. */
export const FLOW_THREATS: readonly Threat[] = [
  {
    threat: 'a stolen code is exchanged by another app, or without the verifier',
    closedIn: 'account/oauth/grants/exchangeCode.ts',
    test: ['oauth/token.worker.test.ts', 'that is shown %s is worth nothing from then on'],
  },
  {
    threat: 'a stolen code is put into the victim’s app (code injection)',
    closedIn: 'account/oauth/grants/exchangeCode.ts',
    test: ['oauth/token.worker.test.ts', 'with another verifier'],
  },
  {
    threat: 'PKCE is downgraded to plain, or left out',
    closedIn: 'account/oauth/requests/parseRequest.ts',
    test: ['oauth/par.worker.test.ts', 'without code_challenge_method, which would be plain'],
  },
  {
    threat: 'a code challenge whose verifier is known is used again',
    closedIn: 'account/oauth/grants/exchangeCode.ts',
    test: ['oauth/token.worker.test.ts', 'with a code_challenge that was used in the last day is refused'],
  },
  {
    threat: 'a code is used twice, by its thief and by the app',
    closedIn: 'account/oauth/grants/exchangeCode.ts',
    test: ['oauth/token.worker.test.ts', 'is exchanged once: the second use ends what the first one gave'],
  },
  {
    threat: 'a stolen refresh token is used beside the app',
    closedIn: 'account/oauth/grants/refreshGrant.ts',
    test: ['oauth/token.worker.test.ts', 'is used once: a replay ends the grant'],
  },
  {
    threat: 'two requests race for one refresh token',
    closedIn: 'account/oauth/grants/refreshGrant.ts',
    test: ['oauth/token.worker.test.ts', 'is used once even by two requests at the same time'],
  },
  {
    threat: 'a token is used without the key that it is bound to',
    closedIn: 'account/oauth/grants/refreshGrant.ts',
    test: ['oauth/token.worker.test.ts', 'with another key, or by another app, ends the grant'],
  },
  {
    threat: 'the code is bound to the key of a thief',
    closedIn: 'account/oauth/grants/exchangeCode.ts',
    test: ['oauth/token.worker.test.ts', 'binds what it gives to the key of the proof'],
  },
  {
    threat: 'the answer is sent to an address of a thief (open redirect)',
    closedIn: 'account/oauth/requests/parseRequest.ts',
    test: ['oauth/par.worker.test.ts', 'with a redirect_uri of another host'],
  },
  {
    threat: 'the answer of one server is taken for that of another (mix-up)',
    closedIn: 'account/oauth/authorizations/authorizations.ts',
    test: ['oauth/authorizations.worker.test.ts', 'is answered once: with a code, or with an error'],
  },
  {
    threat: 'a request is answered twice, or by the name of another client',
    closedIn: 'account/oauth/authorizations/authorizations.ts',
    test: ['oauth/authorizations.worker.test.ts', 'is of the client that pushed it'],
  },
  {
    threat: 'what is granted is not what the owner was shown',
    closedIn: 'account/oauth/requests/pushRequest.ts',
    test: ['oauth/authorizations.worker.test.ts', 'is granted as it was shown'],
  },
  {
    threat: 'a stranger uses the id of a public app to be approved without a question',
    closedIn: 'account/oauth/authorizations/isConsented.ts',
    test: ['oauth/authorizations.worker.test.ts', 'the consent of a public client is never remembered'],
  },
  {
    threat: 'a confidential app is imitated with an assertion of another key, or with one that was seen',
    closedIn: 'account/oauth/clients/clients.ts',
    test: [
      'oauth/par.worker.test.ts',
      'without a proof of itself, with one of another key, and with one twice',
    ],
  },
  {
    threat: 'a key that an app has given up goes on to refresh',
    closedIn: 'account/oauth/grants/authenticateFor.ts',
    test: ['oauth/token.worker.test.ts', 'is refused once the client has another key, and its grant ends'],
  },
  {
    threat: 'the next owner of an app’s domain gets codes without a question',
    closedIn: 'account/oauth/authorizations/isConsented.ts',
    test: [
      'oauth/signIn.worker.test.ts',
      'a confidential client that shows another key than that of its grant has the owner asked again',
    ],
  },
  {
    threat: 'a stranger ends a grant by guesses or by a bad proof',
    closedIn: 'account/oauth/grants/refreshGrant.ts',
    test: ['oauth/token.worker.test.ts', '%s is refused, and nothing ends'],
  },
  {
    threat: 'another app signs the owner out',
    closedIn: 'account/oauth/grants/revokeGrant.ts',
    test: ['oauth/token.worker.test.ts', 'ends nothing for another key, another client, no proof'],
  },
  {
    threat: 'a session’s token passes for a grant’s, or the reverse',
    closedIn: 'signing/grantTokens.ts',
    test: ['signing/grantTokens.test.ts', 'a session’s token is never a grant’s, nor the reverse'],
  },
  {
    threat: 'a token chooses its own algorithm or type',
    closedIn: 'signing/grantTokens.ts',
    test: ['signing/grantTokens.test.ts', 'alg and typ are fixed, and each claim has its form'],
  },
  {
    threat: 'who reads the database signs in with what is in it',
    closedIn: 'account/oauth/hashOf.ts',
    test: ['oauth/token.worker.test.ts', 'and refresh tokens are kept as hashes'],
  },
  {
    threat: 'access goes on after the owner changed the password',
    closedIn: 'account/auth/sessions/noteNewPassword.ts',
    test: ['handlers/admin/grants.worker.test.ts', 'another account password ends every grant'],
  },
  {
    threat: 'a link for a passkey that somebody else has read outlives the end of all sign-ins',
    closedIn: 'account/oauth/passkeys/passkeyLinks.ts',
    test: ['handlers/admin/passkeys.worker.test.ts', 'ends %s'],
  },
  {
    threat: 'access from before a move goes on after it',
    closedIn: 'account/lifecycle/activate.ts',
    test: ['handlers/admin/grants.worker.test.ts', 'the first activation ends every grant'],
  },
  {
    threat: 'strangers push requests until the owner’s is gone',
    closedIn: 'account/oauth/requests/pushedOut.ts',
    test: ['oauth/pushedOut.test.ts', 'a flood from %s leaves the request of the owner'],
  },
  {
    threat: 'strangers begin sign-ins at the owner’s app until the owner’s request is gone',
    closedIn: 'account/oauth/requests/pushedOut.ts',
    test: ['pages/authorize.worker.test.ts', 'do not push out the request that the owner is looking at'],
  },
  {
    threat: 'a stranger makes up confidential apps until real ones cannot prove who they are',
    closedIn: 'account/oauth/clients/usedAssertions.ts',
    test: ['account/oauth/clients/usedAssertions.test.ts', 'the clients that %s makes up shut nobody out'],
  },
  {
    threat: 'strangers have the server of the owner’s app send made-up codes until it may ask no more',
    closedIn: 'account/oauth/flow.ts',
    test: ['oauth/token.worker.test.ts', 'strangers who send made-up codes by way of an app’s server'],
  },
  {
    threat: 'a stranger pushes requests all day, until a free account may write no more rows',
    closedIn: 'account/oauth/flow.ts',
    test: ['oauth/par.worker.test.ts', 'is kept 600 times in a day for a network and its neighbours'],
  },
  {
    threat: 'strangers keep the account’s object busy',
    closedIn: 'account/oauth/flow.ts',
    test: ['oauth/wholeWorker.worker.test.ts', 'one network has 300 calls in five minutes'],
  },
  {
    threat: 'a stranger sends a body that never ends',
    closedIn: 'oauth/readParameters.ts',
    test: ['oauth/slowBody.worker.test.ts', 'a body that does not end is refused after ten seconds'],
  },
  {
    threat: 'a made-up credential takes a flood of page views out of the limits',
    closedIn: 'worker/requestLimits.ts',
    test: [
      'oauth/wholeWorker.worker.test.ts',
      'the requests of one network are limited in the Worker, whatever',
    ],
  },
  {
    threat: 'what nobody came back for fills the database',
    closedIn: 'account/oauth/flow.ts',
    test: ['oauth/authorizations.worker.test.ts', 'what is over is deleted when the alarm rings'],
  },
  {
    threat: 'a field that is sent twice means one thing here and another elsewhere',
    closedIn: 'oauth/readParameters.ts',
    test: ['oauth/wholeWorker.worker.test.ts', 'a form with a field twice'],
  },
  {
    threat: 'a token is kept by a cache on its way',
    closedIn: 'oauth/answerOAuth.ts',
    test: ['oauth/wholeWorker.worker.test.ts', 'never is kept by a cache'],
  },
  {
    threat: 'another site reads the page where the owner consents',
    closedIn: 'worker.ts',
    test: ['oauth/wholeWorker.worker.test.ts', 'CORS never opens the page where the owner consents'],
  },
  {
    threat: 'the object dies between what is used up and the answer',
    closedIn: 'account/oauth/grants/renewGrant.ts',
    test: ['oauth/faults.worker.test.ts', 'a death at %s leaves nothing half done'],
  },
  {
    threat: 'a refusal rolls back the end of the grant that it stands for',
    closedIn: 'account/oauth/grants/renewGrant.ts',
    test: ['oauth/faults.worker.test.ts', 'a refusal that ends a grant is not rolled back'],
  },
  {
    threat: 'permission sets of a stranger’s domain use up the rows that a free account may write in a day',
    closedIn: 'account/oauth/scopes/permissionSets.ts',
    test: ['account/oauth/scopes/permissionSets.worker.test.ts', 'are stored up to a hundred in a day'],
  },
  {
    threat: 'a stranger’s Worker uses up the limits of all apps that run as Workers, which share its address',
    closedIn: 'network.ts',
    test: ['oauth/par.worker.test.ts', 'is counted for each Worker of Cloudflare by itself'],
  },
]

/** Of what an app does with its access token. */
export const RESOURCE_THREATS: readonly Threat[] = [
  {
    threat: 'a stolen access token is sent as Bearer',
    closedIn: 'account/auth/verifyGrant.ts',
    test: [
      'oauth/resource.worker.test.ts',
      'of a grant is not taken as a Bearer token, and the app is told how to send it',
    ],
  },
  {
    threat: 'a stolen access token is sent with a proof of another key',
    closedIn: 'account/auth/verifyGrant.ts',
    test: ['oauth/resource.worker.test.ts', 'is refused with the proof of another key'],
  },
  {
    threat: 'a request is sent again as it was seen',
    closedIn: 'account/oauth/dpop/dpop.ts',
    test: ['oauth/resource.worker.test.ts', 'is refused with a proof that was sent before'],
  },
  {
    threat: 'proofs are made in advance',
    closedIn: 'account/oauth/dpop/nonces.ts',
    test: ['oauth/resource.worker.test.ts', 'is asked for a nonce where it has none, or an old one'],
  },
  {
    threat: 'an app goes on after its grant has ended',
    closedIn: 'account/auth/stillValid.ts',
    test: ['oauth/resource.worker.test.ts', 'is refused once its grant has ended'],
  },
  {
    threat: 'an app that has signed out, or a service that it gave a token, goes on uploading',
    closedIn: 'account/auth/stillValid.ts',
    test: ['handlers/repo/uploadBlob.worker.test.ts', 'once the app that asked for the token has signed out'],
  },
  {
    threat: 'an app takes the account: a migration token, app passwords, the identity',
    closedIn: 'policy.ts',
    test: ['oauth/resource.worker.test.ts', 'mints no migration token, and sees no app passwords'],
  },
  {
    threat: 'an app spells a method in another way to get past its scope',
    closedIn: 'account/oauth/scopes/readPermissions.ts',
    test: ['oauth/resource.worker.test.ts', 'without the scope of messages has no %s forwarded'],
  },
  {
    threat: 'an app’s requests fill the database',
    closedIn: 'account/auth/verifyGrant.ts',
    test: ['oauth/resource.worker.test.ts', 'writes nothing'],
  },
]

/** Of the pages: what other sites, apps and strangers do to the owner's browser. */
const PAGE_THREATS: readonly Threat[] = [
  {
    threat: 'another site shows a page in a frame, and has the owner click in it (clickjacking)',
    closedIn: 'pages/http/respond.ts',
    test: ['pages/signIn.worker.test.ts', 'has a policy that lets in nothing but our stylesheet'],
  },
  {
    threat: 'another site loads a page into a frame, an image or a script',
    closedIn: 'pages/http/fetchMetadata.ts',
    test: ['pages/signIn.worker.test.ts', 'in a frame'],
  },
  {
    threat: 'another site sends a form in the owner’s name (CSRF)',
    closedIn: 'pages/http/fetchMetadata.ts',
    test: ['pages/authorize.worker.test.ts', 'where another site sends its form'],
  },
  {
    threat: 'another port or host of the same site sends a form, for which SameSite does nothing',
    closedIn: 'pages/http/fetchMetadata.ts',
    test: ['pages/signIn.worker.test.ts', 'from a neighbour'],
  },
  {
    threat: 'the token of one browser’s form is used in another',
    closedIn: 'pages/http/formTokens.ts',
    test: ['pages/signIn.worker.test.ts', 'with the token of another browser, or of the form for signing in'],
  },
  {
    threat: 'somebody is signed in to an account that is not theirs, and leaves secrets there (login CSRF)',
    closedIn: 'pages/http/formTokens.ts',
    test: ['pages/signIn.worker.test.ts', 'nobody can be signed in to an account that is not theirs'],
  },
  {
    threat: 'a sign-in is prepared by a cookie that was planted before (fixation)',
    closedIn: 'account/oauth/signIns/browserSignIns.ts',
    test: ['pages/signIn.worker.test.ts', 'that somebody planted is not taken over'],
  },
  {
    threat: 'a subdomain plants a second cookie of the same name',
    closedIn: 'pages/http/cookies.ts',
    test: ['pages/signIn.worker.test.ts', 'is ignored where there are two'],
  },
  {
    threat: 'a script, or http on its way, gets at the cookie',
    closedIn: 'pages/http/cookies.ts',
    test: [
      'pages/signIn.worker.test.ts',
      'cannot be read by scripts, goes over https only, and is of this host',
    ],
  },
  {
    threat: 'who reads the database signs in to the pages with what is in it',
    closedIn: 'account/oauth/signIns/browserSignIns.ts',
    test: ['pages/signIn.worker.test.ts', 'is in the database as a hash only'],
  },
  {
    threat: 'a stolen cookie works for ever, or after a new password',
    closedIn: 'account/auth/sessions/noteNewPassword.ts',
    test: ['pages/signIn.worker.test.ts', 'with a new account password'],
  },
  {
    threat: 'the password is guessed on the page, beside the limits of createSession',
    closedIn: 'account/auth/signIn/signInToPages.ts',
    test: ['pages/signIn.worker.test.ts', 'is limited as other sign-ins are, and says how long to wait'],
  },
  {
    threat: 'an app that has an app password opens the pages with it',
    closedIn: 'account/auth/signIn/signInToPages.ts',
    test: ['pages/signIn.worker.test.ts', 'refuses an app password, whatever it may do'],
  },
  {
    threat: 'who finds an open browser gives themselves an app password',
    closedIn: 'pages/account/isFresh.ts',
    test: ['pages/account.worker.test.ts', 'are created only by an owner who signed in just now'],
  },
  {
    threat: 'who finds an open browser lets in an app that may take the account away',
    closedIn: 'pages/authorize/authorizePage.ts',
    test: [
      'pages/authorize.worker.test.ts',
      'with what is most at stake only on a page that was answered within ten minutes',
    ],
  },
  {
    threat: 'what an app says of itself is run, or changes the page around it',
    closedIn: 'pages/parts/claimed.ts',
    test: ['pages/authorize.worker.test.ts', 'is text, whatever it is'],
  },
  {
    threat: 'an app takes the name of another',
    closedIn: 'pages/consent/clientFacts.ts',
    test: ['pages/authorize.worker.test.ts', 'is shown beside its address, which comes first, as a claim'],
  },
  {
    threat: 'an app’s address is so long that its end, which says whose it is, is not seen',
    closedIn: 'pages/consent/clientFacts.ts',
    test: ['pages/authorize.worker.test.ts', 'never hides the end of its address'],
  },
  {
    threat: 'a blob of a PDS passes for an app of its host, perhaps of this one',
    closedIn: 'account/oauth/clients/readClientId.ts',
    test: ['account/oauth/clients/readClientId.test.ts', 'a blob of a PDS'],
  },
  {
    threat: 'consent says less of a method that is spelled in another case',
    closedIn: 'pages/consent/describeRpc.ts',
    test: ['pages/consent/describeScope.test.ts', 'however its name is spelled'],
  },
  {
    threat: 'a form that was begun before everything was ended takes effect afterwards',
    closedIn: 'pages/visit.ts',
    test: ['pages/slowForms.worker.test.ts', 'creates no app password'],
  },
  {
    threat: 'the password is typed into a page that came by http',
    closedIn: 'pages/createPages.ts',
    test: ['pages/wholeWorker.worker.test.ts', 'goes on by https where a browser opens'],
  },
  {
    threat: 'the page sends the owner to an address that its own address names (open redirect)',
    closedIn: 'pages/authorize/sendBack.ts',
    test: ['pages/authorize.worker.test.ts', 'to no address but one of the app’s'],
  },
  {
    threat: 'an app is let in without the question that prompt=login asks for',
    closedIn: 'pages/authorize/authorizePage.ts',
    test: ['pages/authorize.worker.test.ts', 'login cannot be passed over by approving at once'],
  },
  {
    threat: 'a page, with a secret on it, is kept by a cache',
    closedIn: 'pages/http/respond.ts',
    test: ['pages/signIn.worker.test.ts', 'has the headers that keep other sites out'],
  },
  {
    threat: 'a form of any length holds the memory of the object',
    closedIn: 'pages/http/readForm.ts',
    test: ['pages/signIn.worker.test.ts', 'that is too large'],
  },
  {
    threat: 'the plot of a move is a row for each request, or grows for ever',
    closedIn: 'account/status/copies.ts',
    test: ['pages/leaving.worker.test.ts', 'takes bounded memory however long a move takes'],
  },
]

/** All of them. */
export const THREATS: readonly Threat[] = [...FLOW_THREATS, ...RESOURCE_THREATS, ...PAGE_THREATS]
