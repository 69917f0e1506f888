package rowferry.bench;

/** A column's name and {@code DataType}. */
record Column(String name, String dataType) {}
