/** The signed-in user. */
import { ApiError, api, ask, onSignedOut, type Schemas } from "$lib/api/client";
import { LANGUAGES, language, setLanguage } from "$lib/i18n";

type User = Schemas["UserResponse"];

class Session {
  /** null if not signed in, undefined until known. */
  user = $state.raw<User | null | undefined>(undefined);

  /** Load the user from the server. */
  async load(): Promise<void> {
    try {
      await this.take(await ask(api.GET("/api/v1/me")));
    } catch (problem) {
      if (!(problem instanceof ApiError) || problem.code !== "unauthenticated") throw problem;
      this.user = null;
    }
  }

  /** Sign in. A user without a chosen language gets the current one. Throws `ApiError`. */
  async signIn(account: string, password: string): Promise<void> {
    const { user } = await ask(api.POST("/api/v1/session", { body: { account, password } }));
    const body = { settings: { language: language() } };
    await this.take(user.settings["language"] ? user : await ask(api.PATCH("/api/v1/me", { body })));
  }

  /** Sign out of this browser. */
  async signOut(): Promise<void> {
    await ask(api.DELETE("/api/v1/session"));
    this.user = null;
  }

  /** Set the user, and switch to their language if they have chosen one. */
  async take(user: User): Promise<void> {
    const wanted = LANGUAGES.find((one) => one === user.settings["language"]);
    if (wanted) await setLanguage(wanted);
    this.user = user;
  }

  get timezone(): string {
    return this.user?.timezone ?? "UTC";
  }

  get isAdmin(): boolean {
    return this.user?.role === "admin";
  }
}

export const session = new Session();
onSignedOut(() => {
  session.user = null;
});
