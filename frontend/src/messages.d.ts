/** The texts of a language, made by `messages.ts` beside `vite.config.ts`. */
declare module "virtual:messages/*" {
  const texts: Record<string, string>;
  export default texts;
}
