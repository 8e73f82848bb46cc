// A token for one git command, handed over by environment.
/**
 * Environment that gives git a token for one server, per command and never on disk (so
 * `persist-credentials: false` can stay).
 */
export function gitAuth(serverUrl: string, token: string | undefined): Record<string, string> {
  if (token === undefined) return {};
  const value = Buffer.from(`x-access-token:${token}`).toString('base64');
  return {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: `http.${serverUrl}/.extraheader`,
    GIT_CONFIG_VALUE_0: `AUTHORIZATION: basic ${value}`,
  };
}
