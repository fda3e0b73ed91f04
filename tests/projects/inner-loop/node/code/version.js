exports.version = "0";
