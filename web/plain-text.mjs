// Markdown as text to read: a browser shows a file of it as it stands.

/** The width of text on the screen, but for the rarest letters. */
const width = (text) => [...text].length;

/** Without emphasis and code marks; of links the words, and the address if it leads anywhere from the page. */
const inline = (text) =>
  text
    .replace(/!\[([^\]]*)\]\([^)]*\)/g, "($1)")
    .replace(/\[([^\]]*)\]\(([^)]*)\)/g, (_, words, address) => (/^https?:/.test(address) ? `${words} <${address}>` : words))
    .replace(/\*\*([^*]+)\*\*/g, "$1")
    .replace(/(^|[\s(])[*_]([^*_\s][^*_]*)[*_](?=[\s.,;:)!?]|$)/g, "$1$2")
    .replace(/`([^`]+)`/g, "$1");

/** The rows of a table as columns. */
function table(lines) {
  const rows = lines
    .filter((line) => !/^\|[\s:|-]+\|$/.test(line))
    .map((line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => inline(cell.trim())));
  const widths = rows[0].map((_, nth) => Math.max(...rows.map((row) => width(row[nth] ?? ""))));
  return rows.map((row) => row.map((cell, nth) => cell + " ".repeat(widths[nth] - width(cell))).join("  ").trimEnd());
}

/** A Markdown file as plain text. */
export function plainText(markdown) {
  const out = [];
  const lines = markdown.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    if (line.startsWith("```")) {
      for (at++; at < lines.length && !lines[at].startsWith("```"); at++) out.push(`    ${lines[at]}`.trimEnd());
    } else if (line.startsWith("|")) {
      const first = at;
      while (lines[at + 1]?.startsWith("|")) at++;
      out.push(...table(lines.slice(first, at + 1)));
    } else if (/^#+ /.test(line)) {
      const heading = inline(line.replace(/^#+ /, ""));
      out.push(heading, (line.startsWith("# ") ? "=" : "-").repeat(width(heading)));
    } else {
      out.push(inline(line));
    }
  }
  return out.join("\n");
}
