/** The rows of both runtimes as a Markdown table with ratios. */
export function table(ours, theirs) {
  const lines = ours.map(({ tower, batch, cold, warm }, nth) => {
    const other = theirs[nth];
    const cells = [cold, other.cold, warm, other.warm].map((value) => value.toFixed(0));
    const [coldRatio, warmRatio] = [cold / other.cold, warm / other.warm].map((value) => value.toFixed(2));
    return `| ${tower} | ${batch} | ${cells[0]} | ${cells[1]} | ${coldRatio} | ${cells[2]} | ${cells[3]} | ${warmRatio} |`;
  });
  return ["| tower | batch | Foil cold | ORT cold | ratio | Foil warm | ORT warm | ratio |", "|---|---|---|---|---|---|---|---|", ...lines].join("\n");
}
