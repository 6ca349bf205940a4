/** JSON text over several lines, two spaces a level. Only blanks are added, so that no number loses a digit. */
export function indentJson(json: string): string {
  let level = 0;
  return json.replaceAll(/"(?:[^"\\]|\\.)*"|\[\]|\{\}|[[{]|[\]}]|,|:/g, (token) => {
    switch (token) {
      case '{':
      case '[':
        level += 1;
        return `${token}\n${'  '.repeat(level)}`;
      case '}':
      case ']':
        level -= 1;
        return `\n${'  '.repeat(level)}${token}`;
      case ',':
        return `,\n${'  '.repeat(level)}`;
      case ':':
        return ': ';
      default:
        return token;
    }
  });
}
