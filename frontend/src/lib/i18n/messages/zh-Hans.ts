const areas = import.meta.glob<Record<string, string>>("./*/zh-Hans.json", {
  eager: true,
  import: "default",
});
export default Object.assign({}, ...Object.values(areas)) as Record<string, string>;
