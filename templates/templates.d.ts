/** Templates are read as text at build time and travel inside the executable. */
declare module "*.tmpl" {
  const text: string;
  export default text;
}
